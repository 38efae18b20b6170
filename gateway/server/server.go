package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/sqlite"
	"github.com/tendril-run/tendril/runtime/pool"
)

// How long a drain may take: closing sessions, and the events that are under way
// after that.
const (
	closingTime  = 12 * time.Second
	inFlightTime = 5 * time.Second
)

// server is the rooms of one running server.
type server struct {
	Config
	db         *sqlite.DB
	workers    *pool.Pool
	dispatcher *dispatch.Dispatcher
	hub        *gateway.Hub
	http       *http.Server
	listener   net.Listener
	door       *door
	cert       *certificate // nil: plain HTTP
	ready      atomic.Bool
	started    atomic.Bool // has been ready
}

// Run serves until ctx ends and drains then: it closes devices with 1012, lets
// events in flight end, and returns when everything is stored and no child is
// left. A data directory that another server has and an address in use are
// errors at once.
func Run(ctx context.Context, c Config) (err error) {
	if err := c.complete(); err != nil {
		return err
	}
	s := &server{Config: c}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.build(ctx); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.door) }() // until close
	if err := s.open(ctx); err != nil {
		return err
	}
	for {
		select {
		case err = <-failed:
			return fmt.Errorf("serve: %w", err)
		case err = <-s.db.Failed():
			return fmt.Errorf("serve: %w", err)
		case <-s.Reload:
			if s.cert != nil {
				s.cert.reload()
			}
		case <-ctx.Done():
			s.drain()
			return nil
		}
	}
}

// build makes the rooms, from the disk up.
func (s *server) build(ctx context.Context) (err error) {
	if s.db, err = sqlite.Open(ctx, s.Data, s.Limits.storage(s.Log)); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.firstToken(ctx); err != nil {
		return err
	}
	if s.workers, err = pool.New(pool.Config{Exe: s.Exe, Workers: s.Workers, Memory: uint64(s.Limits.Memory), Log: s.Log}); err != nil {
		return err
	}
	s.dispatcher = dispatch.New(dispatch.Config{
		Store:   wrapped[dispatch.Store](s.db, s.wrapStore),
		Catalog: s.db,
		Runner:  wrapped[dispatch.Runner](s.workers, s.wrapRunner),
		Lines:   s.db,
		Epoch:   s.db.Epoch(),
		Limits:  s.Limits.event(),
		Bounds:  s.Limits.device(),
		Log:     s.Log,
	})
	s.hub = gateway.NewHub(gateway.Config{Inbox: s.dispatcher, Presence: s.db, Limits: s.Limits.wire(), Log: s.Log})
	return s.serving()
}

// open waits for the first worker and says that the server is there.
func (s *server) open(ctx context.Context) error {
	if err := s.workers.Ready(ctx); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	url := s.url(s.listener.Addr())
	if err := s.announce(url); err != nil {
		return err
	}
	s.ready.Store(true)
	s.started.Store(true)
	s.Log.Info("listening", "url", url, "data", s.Data, "version", s.Version)
	if s.Ready != nil {
		s.Ready(url)
	}
	return nil
}

// reachable is an address that a client on this machine can use.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr.String()
	}
	if strings.Contains(host, ":") {
		return net.JoinHostPort("::1", port)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// drain lets go of the devices and waits for what is under way.
func (s *server) drain() {
	begun := time.Now()
	s.ready.Store(false)
	_ = s.door.Close()
	s.dispatcher.Refuse()
	ctx, cancel := context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	devices := s.hub.Count()
	hubErr := s.hub.Drain(ctx)
	inFlight, cancel := context.WithTimeout(context.Background(), inFlightTime)
	defer cancel()
	eventsErr := s.dispatcher.Drain(inFlight)
	s.Log.Info("drained", "devices", devices, "took", time.Since(begun), "error", errors.Join(hubErr, eventsErr))
}

// close ends the rooms that were built, in the order of who needs whom.
func (s *server) close() error {
	var errs []error
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			errs = append(errs, s.http.Close())
		}
	}
	if s.door != nil {
		_ = s.door.Close()
	}
	if s.dispatcher != nil {
		s.dispatcher.Close()
	}
	if s.workers != nil {
		s.workers.Close()
	}
	if s.db != nil {
		s.unannounce()
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}
