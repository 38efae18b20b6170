package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheck is how often handshakes look whether the files have changed.
const certificateCheck = time.Second

// certificate is read from its files, and again when they have changed. One that
// cannot be read leaves the one before it in place.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex // guards the fields below
	current *tls.Certificate
	stamp   string // of the files that were read last
	looked  time.Time
}

func newCertificate(e Edge, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: e.TLSCert, keyFile: e.TLSKey, log: log, looked: time.Now()}
	c.stamp = c.stampNow()
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// config is HTTP/1.1 over TLS: WebSockets need it, and one protocol is judged
// more easily than two.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.get(), nil
		},
	}
}

func (c *certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateCheck {
		c.looked = now
		if stamp := c.stampNow(); stamp != c.stamp {
			c.stamp = stamp
			c.reread()
		}
	}
	return c.current
}

// reload reads the files whether they have changed or not.
func (c *certificate) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamp = c.stampNow()
	c.reread()
}

// reread is read for a server that runs. With the lock held.
func (c *certificate) reread() {
	if err := c.read(); err != nil {
		c.log.Warn("the certificate is not replaced", "error", err)
		return
	}
	c.log.Info("certificate replaced", "file", c.certFile)
}

func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	c.current = &pair
	return nil
}

// stampNow tells one state of the files from another.
func (c *certificate) stampNow() string {
	stamp := ""
	for _, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			stamp += err.Error() + "\n"
			continue
		}
		stamp += fmt.Sprintln(info.ModTime().UnixNano(), info.Size())
	}
	return stamp
}
