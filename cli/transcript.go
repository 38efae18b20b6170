package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
)

// transcriptFile is the name of the file that says what a project's devices say
// and must hear.
const transcriptFile = "device.jsonl"

// act is one line of a transcript: exactly one of the verbs is set.
type act struct {
	Line       int // counted from 1
	Device     string
	Send       json.RawMessage
	Expect     json.RawMessage
	Wait       time.Duration
	Connect    bool
	Disconnect bool
}

// readTranscript reads a project's transcript; it is empty where there is none.
func readTranscript(p project) ([]act, error) {
	data, err := os.ReadFile(filepath.Join(p.Root, transcriptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseTranscript(data, p.Devices)
}

// parseTranscript reads a transcript. Lines without a device mean the first of
// the project. Empty lines are skipped.
func parseTranscript(data []byte, devices []placement) ([]act, error) {
	known := map[string]bool{}
	for _, d := range devices {
		known[d.Device] = true
	}
	var acts []act
	number := 0
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		a, err := parseAct(line)
		if err == nil && a.Device == "" && a.Wait == 0 {
			if len(devices) == 0 {
				err = errors.New("the project names no device")
			} else {
				a.Device = devices[0].Device
			}
		}
		if err == nil && a.Device != "" && !known[a.Device] {
			err = fmt.Errorf("device %q is not in %s", a.Device, projectFile)
		}
		if err != nil {
			return nil, problem{Code: "transcript", Message: err.Error(), File: transcriptFile, Line: number}
		}
		a.Line = number
		acts = append(acts, a)
	}
	return acts, nil
}

func parseAct(line []byte) (act, error) {
	var raw struct {
		Device     string          `json:"device"`
		Send       json.RawMessage `json:"send"`
		Expect     json.RawMessage `json:"expect"`
		Wait       *float64        `json:"wait"`
		Connect    bool            `json:"connect"`
		Disconnect bool            `json:"disconnect"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return act{}, err
	}
	if d.More() {
		return act{}, errors.New("more than one value")
	}
	a := act{Device: raw.Device, Send: raw.Send, Expect: raw.Expect, Connect: raw.Connect, Disconnect: raw.Disconnect}
	verbs := 0
	for _, set := range []bool{a.Send != nil, a.Expect != nil, raw.Wait != nil, a.Connect, a.Disconnect} {
		if set {
			verbs++
		}
	}
	switch {
	case verbs != 1:
		return act{}, errors.New("a line has one of send, expect, wait, connect, disconnect")
	case a.Send != nil && a.Send[0] != '{', a.Expect != nil && a.Expect[0] != '{':
		return act{}, errors.New("what is sent or expected is an object")
	case raw.Wait != nil && (*raw.Wait < 0 || *raw.Wait > 3_600_000):
		return act{}, errors.New("a wait is a number of milliseconds up to an hour")
	case raw.Wait != nil:
		a.Wait = time.Duration(*raw.Wait * float64(time.Millisecond))
	}
	if a.Device != "" {
		if _, err := device.ParseID(a.Device); err != nil {
			return act{}, err
		}
	}
	return a, nil
}
