package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

// bootTime is how long a server may take to be there, on a loaded machine.
const bootTime = 30 * time.Second

// site is the one server of a run: a data directory and, most of the time, a
// process on it.
type site struct {
	command []string
	data    string
	log     *os.File

	mu      sync.Mutex
	process *process      // nil while none runs
	client  *api.Client   // of the process once it is ready, else nil
	changed chan struct{} // closed at the next change of client
}

// process is one life of the server.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has been waited for
	err  error         // of the wait, once gone
}

// now returns the client of the running server, or nil and what is closed when
// that changes.
func (s *site) now() (*api.Client, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.client, s.changed
}

func (s *site) set(p *process, c *api.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.HTTP.CloseIdleConnections()
	}
	s.process, s.client = p, c
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (s *site) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// launch starts a process and does not wait for it.
func (s *site) launch() (*process, error) {
	if err := os.Remove(filepath.Join(s.data, "server.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	args := make([]string, len(s.command))
	for i, a := range s.command {
		args[i] = strings.ReplaceAll(a, "{data}", s.data)
	}
	p := &process{cmd: exec.Command(args[0], args[1:]...), gone: make(chan struct{})}
	p.cmd.Stderr = s.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	s.set(p, nil)
	return p, nil
}

// ready waits until the process says where it listens.
func (s *site) ready(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		var told struct {
			URL string `json:"url"`
			PID int    `json:"pid"`
		}
		data, err := os.ReadFile(filepath.Join(s.data, "server.json"))
		if err == nil && json.Unmarshal(data, &told) == nil && told.PID == p.cmd.Process.Pid {
			token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
			if err != nil {
				return err
			}
			transport := http.DefaultTransport.(*http.Transport).Clone()
			transport.MaxIdleConnsPerHost = 32
			s.set(p, &api.Client{URL: told.URL, Token: strings.TrimSpace(string(token)), HTTP: &http.Client{Transport: transport}})
			return nil
		}
		select {
		case <-tick.C:
		case <-p.gone:
			return fmt.Errorf("the server ended before it was ready: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", ctx.Err())
		}
	}
}

// Boot starts the server and waits until it listens.
func (o *Ordeal) Boot(ctx context.Context) error {
	p, err := o.site.launch()
	if err != nil {
		return err
	}
	return o.site.ready(ctx, p)
}

// Kill ends the server as a power cut would, and waits for it. An error tells
// that it was gone already.
func (o *Ordeal) Kill() error {
	p := o.site.running()
	if p == nil {
		return nil
	}
	defer o.site.set(nil, nil)
	select {
	case <-p.gone:
		return fmt.Errorf("the server ended by itself: %w", p.err)
	default:
	}
	_ = p.cmd.Process.Kill()
	<-p.gone
	return nil
}

// Terminate asks the server to drain, and says how long it took. The error is
// that of its exit status.
func (o *Ordeal) Terminate() (time.Duration, error) {
	p := o.site.running()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-p.gone:
	case <-time.After(2 * bootTime):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
	o.site.set(nil, nil)
	return time.Since(begun), p.err
}
