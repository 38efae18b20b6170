package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
)

func TestClientKeepsOneConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	fresh := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !c.Reused {
			fresh++
		}
	}})
	for range 5 {
		if _, err := s.Projects(ctx, 0, 0); err != nil {
			t.Fatal(err)
		}
		_, err := s.Device(ctx, "home", "nobody")
		wantCode(t, err, 404, "not_found")
	}
	if fresh > 1 {
		t.Errorf("%d connections", fresh)
	}
}

func TestClientTellsAnswersThatAreNotOurs(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html>proxy</html>"))
	}))
	t.Cleanup(web.Close)
	c := &api.Client{URL: web.URL + "/", HTTP: web.Client()}
	_, err := c.Projects(t.Context(), 0, 0)
	var e *api.Error
	if !errors.As(err, &e) || e.Status != 502 || !strings.Contains(e.Message, "502") {
		t.Errorf("error %v", err)
	}
}

func TestClientSaysWhyNobodyAnswers(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	c := &api.Client{URL: web.URL, Token: "tat_secret", HTTP: web.Client()}
	web.Close()
	err := c.Health(t.Context())
	var e *api.Error
	if err == nil || errors.As(err, &e) || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Health(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestIncompleteConfigIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := api.New(api.Config{}); err == nil {
		t.Error("no error")
	}
}
