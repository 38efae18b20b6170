package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/server"
)

// inside is a server in this process, with a project "home".
type inside struct {
	*node
	addr string
	log  *record
	stop func() error
}

// serveInside runs a server until the test ends. Its log is kept with all
// details.
func serveInside(t testing.TB, change func(*server.Config)) *inside {
	t.Helper()
	s := &inside{node: &node{t: t, data: t.TempDir()}, log: new(record)}
	ready := make(chan string, 1)
	c := server.Config{
		Data: s.data, Listen: "127.0.0.1:0", Workers: 1,
		Log:   slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready: func(url string) { ready <- url },
	}
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- server.Run(ctx, c) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-over
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("server: %v", err)
		}
		if t.Failed() {
			t.Logf("server said:\n%.20000s", s.log)
		}
	})
	select {
	case url := <-ready:
		token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
		if err != nil {
			t.Fatal(err)
		}
		s.Client = &api.Client{URL: url, Token: strings.TrimSpace(string(token)), HTTP: &http.Client{Transport: &http.Transport{}}}
		t.Cleanup(s.HTTP.CloseIdleConnections)
		_, s.addr, _ = strings.Cut(url, "://")
	case err := <-over:
		over <- err
		t.Fatalf("server did not start: %v", err)
	}
	if c.TLSCert == "" {
		if _, err := s.CreateProject(t.Context(), "home"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// addDevice makes a device of the project and returns its token.
func (n *node) addDevice(id string) string {
	n.t.Helper()
	made, err := n.CreateDevice(n.t.Context(), "home", newDevice(id, "light"))
	if err != nil {
		n.t.Fatal(err)
	}
	return made.Token
}

// record is a log that several goroutines write.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// wireTo is a TCP connection for requests that no client library would make.
type wireTo struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (s *inside) raw() *wireTo { return dialRaw(s.t, s.addr) }

func dialRaw(t testing.TB, addr string) *wireTo {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &wireTo{t: t, Conn: c, r: bufio.NewReader(c)}
}

// send writes as it is; that the other side has hung up shows in what it said.
func (c *wireTo) send(text string) { _, _ = io.WriteString(c.Conn, text) }

// said is an answer on the wire.
type said struct {
	status int
	header http.Header
	body   string
	close  bool
}

// heard reads the next answer to a request of a method. Status 0: the server hung
// up instead.
func (c *wireTo) heard(method string) said {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	var op net.Error
	switch {
	case errors.As(err, &op) && op.Timeout():
		c.t.Fatal("neither an answer nor an end")
	case err != nil:
		return said{}
	}
	body := ""
	if resp.StatusCode != http.StatusSwitchingProtocols {
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			c.t.Errorf("answer %d breaks off: %v", resp.StatusCode, err)
		}
		body = string(data)
	}
	return said{resp.StatusCode, resp.Header, body, resp.Close}
}

// over says that the server hangs up, and says nothing before that.
func (c *wireTo) over() bool {
	_, err := c.r.ReadByte()
	var op net.Error
	return err != nil && !(errors.As(err, &op) && op.Timeout())
}

// ask makes one raw request on a connection of its own.
func (s *inside) ask(method, text string) said {
	s.t.Helper()
	c := s.raw()
	defer c.Close()
	c.send(text)
	return c.heard(method)
}

// get is a request head with the admin's token and further lines.
func (s *inside) head(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: " + s.addr + "\r\nAuthorization: Bearer " + s.Token + "\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n")
}
