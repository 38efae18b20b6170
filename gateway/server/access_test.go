package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/ws"
)

func TestWhoFailsTooOftenWaitsAndNobodyElse(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	device := s.addDevice("lamp")
	unknown, _ := auth.New(auth.APIToken)
	unknownDevice, _ := auth.New(auth.DeviceToken)
	inTime := int64(0)
	for name, text := range map[string]string{
		"REST":       "GET /v1/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + unknown + "\r\n\r\n",
		"sockets":    upgrade(s.addr, unknownDevice),
		"no token":   "GET /v1/projects HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"wrong kind": upgrade(s.addr, s.Token),
	} {
		var answers [600]atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				got := s.ask("GET", text)
				answers[got.status].Add(1)
				if got.status == 429 {
					if after, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || after < 1 || after > 2 {
						t.Errorf("%s: Retry-After %q", name, got.header.Get("Retry-After"))
					}
					if !strings.Contains(got.body, `"code":"too_many_failures"`) || got.header.Get("WWW-Authenticate") != "" {
						t.Errorf("%s: %v %s", name, got.header, got.body)
					}
				}
			})
			// In the middle of it, from the same address.
			all.Go(func() {
				if _, err := s.Projects(t.Context(), 0, 0); err != nil {
					t.Errorf("%s: a valid token: %v", name, err)
				}
			})
		}
		all.Wait()
		if c := s.ask("GET", upgrade(s.addr, device)); c.status != 101 {
			t.Errorf("%s: a valid device: %d", name, c.status)
		}
		refused, failed := answers[429].Load(), answers[401].Load()
		if inTime += failed; refused+failed != 50 || refused < 20 {
			t.Errorf("%s: %d times 401, %d times 429", name, failed, refused)
		}
	}
	if inTime < 10 {
		t.Errorf("only %d were told that the token is not valid", inTime)
	}
	if n := strings.Count(s.log.String(), "many requests without a valid token"); n == 0 || n > 20 {
		t.Errorf("the log has %d lines about it", n)
	}
}

// flood connects a device with a token and lets it talk without a pause, and
// returns how its session ended.
func (s *inside) flood(token string) (ended func() (code int, at time.Time)) {
	s.t.Helper()
	url := "ws://" + s.addr + "/v1/connect"
	c, err := ws.Dial(context.Background(), url, ws.DialOptions{Token: token, Subprotocols: []string{"tendril.v1.json"}})
	if err != nil {
		s.t.Fatal(err)
	}
	say := func(text string) error {
		return c.Write(context.Background(), wire.Frame{Data: []byte(text)})
	}
	if err := say(`{"type":"$hello","acks":true}`); err != nil {
		s.t.Fatal(err)
	}
	acked := make(chan struct{}, 1)
	type end struct {
		code int
		at   time.Time
	}
	over := make(chan end, 1)
	go func() { // until the server closes
		for {
			f, err := c.Read(context.Background())
			if err != nil {
				over <- end{ws.CloseCode(err), time.Now()}
				return
			}
			if strings.Contains(string(f.Data), "$ack") {
				select {
				case acked <- struct{}{}:
				default:
				}
			}
		}
	}()
	go func() { // until the server closes
		for i := 0; say(fmt.Sprintf(`{"type":"reading","$id":"m-%d","celsius":%d}`, i, i)) == nil; i++ {
		}
	}()
	<-acked
	return func() (int, time.Time) {
		select {
		case e := <-over:
			return e.code, e.at
		case <-time.After(patience):
			s.t.Fatal("the session goes on")
		}
		return 0, time.Time{}
	}
}

const counting = `export default { async onMessage(m: any, env: any) {
  await env.DEVICE.kv.put("n", m.celsius); await env.DEVICE.send({ type: "seen", n: m.celsius }); } };`

func TestRevokedDeviceTokenEndsItsSessionUnderLoad(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	s.deploy("light", counting, "lamp", "other")
	first, err := s.IssueToken(t.Context(), "home", "lamp", false)
	if err != nil {
		t.Fatal(err)
	}
	bystander := s.token("other")
	ended, others := s.flood(first.Token), s.flood(bystander)
	if _, err := s.IssueToken(t.Context(), "home", "lamp", true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.IssueToken(t.Context(), "home", "lamp", true); err != nil {
		t.Fatal(err)
	}
	told := time.Now()
	code, at := ended()
	if code != 4003 || at.Sub(told) > time.Second {
		t.Errorf("closed with %d after %v", code, at.Sub(told))
	}
	if got := s.ask("GET", upgrade(s.addr, first.Token)); got.status != 401 {
		t.Errorf("the old token again: %d", got.status)
	}
	if err := s.RemoveDevice(t.Context(), "home", "other"); err != nil {
		t.Fatal(err)
	}
	told = time.Now()
	if code, at := others(); code != 4004 || at.Sub(told) > time.Second {
		t.Errorf("the removed one: closed with %d after %v", code, at.Sub(told))
	}
}

func TestRevocationWinsTheRaceAgainstConnects(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	s.deploy("light", counting, "lamp")
	for range 20 {
		token := s.token("lamp")
		next := s.token("lamp")
		_ = next
		var connected []*ws.Client
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				c, err := ws.Dial(context.Background(), "ws://"+s.addr+"/v1/connect", ws.DialOptions{Token: token})
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				connected = append(connected, c)
			})
		}
		s.token("lamp") // the second rotation ends the token
		all.Wait()
		for _, c := range connected {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			var err error
			for err == nil {
				_, err = c.Read(ctx)
			}
			if ctx.Err() != nil {
				t.Fatal("a session of a revoked token lives")
			}
			if code := ws.CloseCode(err); code != 4003 && code != 4001 {
				t.Errorf("closed with %d: %v", code, err)
			}
			cancel()
		}
	}
}

func TestDeviceDoorTakesDeviceTokensOnly(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	s.deploy("light", counting, "lamp")
	first, err := s.IssueToken(t.Context(), "home", "lamp", false)
	if err != nil {
		t.Fatal(err)
	}
	attach, err := s.CreateToken(t.Context(), api.NewToken{Name: "attach", Scopes: []string{"connect", "admin"}})
	if err != nil {
		t.Fatal(err)
	}
	unknown, _ := auth.New(auth.DeviceToken)
	provision, _ := auth.New(auth.ProvisionToken)
	revoked := s.addDevice("removed")
	if err := s.RemoveDevice(t.Context(), "home", "removed"); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"API token": s.Token, "API token with connect": attach.Secret, "unknown": unknown, "provisioning": provision,
		"removed": revoked, "bad checksum": first.Token[:31] + "!", "long": first.Token + "0", "prefix": "tdt_",
	} {
		if got := s.ask("GET", upgrade(s.addr, token)); got.status != 401 && got.status != 429 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := s.ask("GET", upgrade(s.addr, first.Token)); got.status != 101 {
		t.Errorf("its own: %d", got.status)
	}
	// A device's token opens nothing else.
	client := &api.Client{URL: s.URL, Token: first.Token, HTTP: s.HTTP}
	_, err = client.Device(t.Context(), "home", "lamp")
	var refused *api.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized && refused.Status != http.StatusTooManyRequests {
		t.Errorf("a device's token at the API: %v", err)
	}
}
