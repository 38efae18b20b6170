package torture

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// workers lists the worker processes of the server, as far as /proc tells.
func (p *process) workers() []int {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/task/*/children")
	var pids []int
	for _, task := range tasks {
		data, _ := os.ReadFile(task) // the process may be gone
		for _, word := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(word); err == nil && isWorker(pid) {
				pids = append(pids, pid)
			}
		}
	}
	slices.Sort(pids)
	return pids
}

func isWorker(pid int) bool {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	args := bytes.Split(data, []byte{0})
	return len(args) > 1 && string(args[1]) == "worker"
}

// killWorker kills one worker process, -9.
func killWorker(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && isWorker(pid) && p.Kill() == nil
}
