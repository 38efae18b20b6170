package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// child is a process that a server has started.
type child struct {
	PID   int    `json:"pid"`
	Verb  string `json:"verb"`  // worker or compile
	Bytes int64  `json:"bytes"` // of memory that is its own and present
}

// childrenOf lists the children of a server, empty for none. It is nil where the
// system does not tell.
func childrenOf(pid int) []child {
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil || len(tasks) == 0 {
		return nil
	}
	list := []child{}
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // of a thread that may be gone
		for _, word := range strings.Fields(string(text)) {
			id, err := strconv.Atoi(word)
			if err != nil {
				continue
			}
			if verb := verbOf(id); verb != "" {
				list = append(list, child{PID: id, Verb: verb, Bytes: memoryOf(id)})
			}
		}
	}
	return list
}

// verbOf is what a process was started for.
func verbOf(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	words := bytes.Split(text, []byte{0})
	if len(words) < 2 {
		return ""
	}
	return string(words[1])
}

// memoryOf reads the anonymous memory of a process.
func memoryOf(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
