package torture

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// What is the verb of a line of the history.
type What string

// What happened, as the devices saw it.
const (
	Said     What = "said"     // a device wrote a message
	Answered What = "answered" // it read the acknowledgement
	Heard    What = "heard"    // it read a command
	Asked    What = "asked"    // it read a request
	Took     What = "took"     // it wrote the acknowledgement of a command
	Peeked   What = "peeked"   // it looked for the write that a command told of
	Refused  What = "refused"  // a frame was refused
	Opened   What = "opened"   // a connection was welcomed
	Closed   What = "closed"   // it ended
	Left     What = "left"     // with everything acknowledged, to see whether commands come again
	Fault    What = "fault"    // something was done to the server
	Flipped  What = "flipped"  // a deployment was answered
)

// Entry is one line of the history. The fields beside At, What and Device depend
// on What.
type Entry struct {
	At      int64  `json:"t"` // nanoseconds since the history began, monotonic
	What    What   `json:"e"`
	Device  string `json:"d,omitempty"`
	Link    int    `json:"l,omitempty"`  // the device's connections, counted
	Message int    `json:"m,omitempty"`  // number of the message
	Kind    Kind   `json:"k,omitempty"`  // of the message
	ID      string `json:"id,omitempty"` // of a command
	Effect  string `json:"f,omitempty"`  // that a command tells of
	Seq     int    `json:"s,omitempty"`  // of a command, from 1
	Version int    `json:"v,omitempty"`
	Begun   int64  `json:"b,omitempty"` // epoch milliseconds: when the event began; of a flip, when it was asked for
	Ended   int64  `json:"z,omitempty"` // epoch milliseconds: when a flip was answered
	Status  string `json:"a,omitempty"` // of an acknowledgement
	Name    string `json:"n,omitempty"` // of its error
	Code    int    `json:"c,omitempty"` // of a close
	Text    string `json:"x,omitempty"`
}

// History writes entries to a file, in the order of their stamps.
type History struct {
	mu    sync.Mutex
	file  *os.File
	out   *bufio.Writer
	begun time.Time
	err   error
}

func newHistory(path string) (*History, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return &History{file: f, out: bufio.NewWriterSize(f, 1<<18), begun: time.Now()}, nil
}

// Add stamps and writes an entry. Its error comes from flush.
func (h *History) Add(e Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.At = int64(time.Since(h.begun))
	data, err := json.Marshal(&e)
	if err == nil {
		_, err = h.out.Write(append(data, '\n'))
	}
	h.err = errors.Join(h.err, err)
}

func (h *History) flush() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(h.err, h.out.Flush())
}

// Close writes out what is buffered.
func (h *History) Close() error { return errors.Join(h.flush(), h.file.Close()) }

// readHistory calls each for all entries of a file.
func readHistory(path string, each func(*Entry)) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<18))
	for {
		var e Entry
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("history: %w", err)
		}
		each(&e)
	}
}
