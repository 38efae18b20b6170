package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
	"github.com/tendril-run/tendril/gateway/ws"
	"github.com/tendril-run/tendril/runtime/pool"
	"github.com/tendril-run/tendril/versions"
)

// Bounds of HTTP requests.
const (
	headerTime  = 5 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 64 << 10
)

// listen opens the listener, where tokens are safe on it.
func (s *server) listen() (err error) {
	var secure func(net.Conn) net.Conn
	if s.secure() {
		if s.cert, err = newCertificate(s.Edge, s.Log); err != nil {
			return err
		}
		config := s.cert.config()
		secure = func(c net.Conn) net.Conn { return tls.Server(c, config) }
	}
	if s.listener, err = net.Listen("tcp", s.Listen); err != nil {
		return err
	}
	if err := s.exposed(s.listener.Addr()); err != nil {
		return errors.Join(err, s.listener.Close())
	}
	admitted, open := capacity(descriptors())
	if s.MaxConnections > 0 {
		admitted = s.MaxConnections
	}
	s.door = newDoor(s.listener, admitted, open, s.TrustedProxies, secure)
	return nil
}

// serving makes the HTTP server.
func (s *server) serving() error {
	handler, err := s.handler()
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		ConnContext:       hosting,
		ConnState:         watch,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		// Not answered past the front.
		DisableGeneralOptionsHandler: true,
	}
	return nil
}

// handler is everything the server answers: the management API, and beside it
// the devices' socket.
func (s *server) handler() (http.Handler, error) {
	gate := turnstile{auth.Gate{Tokens: s.db}}
	management, err := api.New(api.Config{
		Gate:     gate,
		Tokens:   s.db,
		Owners:   s.db,
		Sessions: s.hub,
		Projects: s.db,
		Devices:  s.db,
		Pairs:    s.db,
		Logs:     s.db,
		Deployer: &versions.Deployer{Compiler: &pool.Compiler{Exe: s.Exe}, Trial: s.workers, Store: s.db, Known: s.db},
		History:  s.db,
		Control:  s.dispatcher,
		Changes:  s.dispatcher,
		Presence: s.hub,
		Ready:    func(context.Context) bool { return s.started.Load() },
		Log:      s.Log,

		DeviceURL: s.deviceURL(),
	})
	if err != nil {
		return nil, err
	}
	metrics := s.metrics(gate)
	devices := &ws.Handler{
		Hub:      s.hub,
		Devices:  gate,
		Dialects: []wire.Dialect{native.Dialect{}},
		Origins:  s.AllowOrigins,
		Draining: func() bool { return !s.ready.Load() },

		Limit:       int(s.Limits.Frame),
		MessageTime: s.Limits.MessageTime,
		Fragments:   s.Limits.Fragments,
		WriteTime:   s.Limits.WriteDeadline,
	}
	return &front{
		next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.EscapedPath() {
			case "/v1/connect":
				devices.ServeHTTP(w, r)
			case "/ready":
				s.tellReady(w, r)
			case "/metrics":
				metrics.ServeHTTP(w, r)
			default:
				management.ServeHTTP(w, r)
			}
		}),
		hosts:   newHosts(s.Edge, s.Listen),
		origins: s.AllowOrigins,
		proxies: s.TrustedProxies,
		secure:  s.secure(),
		log:     s.Log,
	}, nil
}
