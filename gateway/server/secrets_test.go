package server_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
)

// plant makes secrets of every kind, by what they are.
func plantSecrets(t *testing.T, s *inside) map[string]string {
	t.Helper()
	home := "home"
	secrets := map[string]string{"first admin": s.Token}
	for i, scope := range []string{"admin", "deploy", "read", "connect"} {
		made, err := s.CreateToken(t.Context(), api.NewToken{Name: fmt.Sprint("t", i), Scopes: []string{scope}, Project: &home})
		if err != nil {
			t.Fatal(err)
		}
		secrets[scope+" token"] = made.Secret
		if scope == "connect" {
			if err := s.RemoveToken(t.Context(), made.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	owner, err := s.CreateOwner(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	secrets["owner's admin"] = owner.Token
	for i := range 5 {
		secrets[fmt.Sprint("device ", i)] = s.addDevice(fmt.Sprint("d", i))
	}
	for i := range 3 { // the first two of them end
		secrets[fmt.Sprint("rotated ", i)] = s.token("d0")
	}
	if err := s.RemoveDevice(t.Context(), "home", "d4"); err != nil {
		t.Fatal(err)
	}
	for i, kind := range []auth.Kind{auth.APIToken, auth.DeviceToken, auth.ProvisionToken, auth.APIToken, auth.DeviceToken, auth.ProvisionToken} {
		secrets[fmt.Sprint("unknown ", i)], _ = auth.New(kind)
	}
	return secrets
}

// misplaced are requests that carry a secret where one may be by mistake, and
// where it belongs.
func misplaced(secret string) []string {
	const host = " HTTP/1.1\r\nHost: localhost\r\n"
	get := func(path string, headers ...string) string {
		return "GET " + path + host + strings.Join(append(headers, "\r\n"), "\r\n")
	}
	bearer := "Authorization: Bearer " + secret
	post := func(path, body string) string {
		return "POST " + path + host + bearer + "\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	return []string{
		get("/v1/projects", bearer), get("/v1/tokens", bearer), get("/v1/owners", bearer), get("/health", bearer), get("/nowhere", bearer),
		get("/v1/projects", "Authorization: Basic "+secret), get("/v1/projects", "Authorization: "+secret), get("/v1/projects", bearer, bearer),
		get("/v1/projects", bearer+" "), get("/v1/projects", bearer+"x"), get("/v1/projects", "Cookie: token="+secret), get("/v1/projects", "X-"+secret+": 1\x00"),
		get("/v1/projects?token="+secret, bearer), get("/v1/projects?page="+secret, bearer), get("/v1/projects?"+secret, bearer),
		get("/v1/projects/"+secret, bearer), get("/" + secret), get("/v1/projects/home/devices/"+secret, bearer), get("/v1/projects/home/devices/d1/kv/"+secret, bearer),
		get("/v1/projects/home/devices/d1/logs?cursor="+secret, bearer), get("/v1/projects/home/scripts/"+secret+"/versions", bearer),
		"DELETE /v1/tokens/" + secret + host + bearer + "\r\n\r\n", secret + " / HTTP/1.1\r\nHost: localhost\r\n\r\n", secret + "\r\n\r\n",
		"GET /health HTTP/1.1\r\nHost: " + secret + "\r\n\r\n", "GET http://" + secret + "/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
		post("/v1/projects", `{"project_slug":"`+secret+`"}`), post("/v1/projects", `{"project_slug":`+secret), post("/v1/projects", secret),
		post("/v1/owners", `{"name":"`+secret+`"}`), post("/v1/tokens", `{"name":"a","scopes":["`+secret+`"]}`),
		post("/v1/tokens", `{"name":["`+secret+`"],"scopes":"`+secret+`","project":"`+secret+`"}`),
		post("/v1/projects/home/devices", `{"device_id":"`+secret+`!","script":"`+secret+`"}`),
		post("/v1/projects/home/devices/d1/commands", `{"command":{"type":7,"x":"`+secret+`"}}`),
		post("/v1/projects/home/deployments", `{"kind":"`+secret+`","scripts":{}}`),
		upgrade("localhost", secret), upgrade("localhost", secret+" "), upgrade("localhost", secret, "Origin: https://"+secret+".example"),
		get("/v1/connect?token="+secret, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
		get("/v1/connect", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
			"Sec-WebSocket-Protocol: tendril.v1.json, bearer."+secret),
		get("/v1/connect", bearer, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "+secret),
		get("/v1/projects", bearer, "Upgrade: h2c", "Connection: Upgrade, "+secret), get("/v1/projects", bearer, "Transfer-Encoding: "+secret),
	}
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	s.deploy("light", `export default { async onMessage(m: any) { if (m.fail) throw new Error("broken"); } };`)
	secrets := plantSecrets(t, s)
	if len(secrets) < 20 {
		t.Fatalf("only %d secrets are planted", len(secrets))
	}
	told := map[string]string{} // by whom
	for name, secret := range secrets {
		for i, text := range misplaced(secret) {
			c := s.raw()
			c.send(text)
			got := c.heard("GET")
			if got.status >= 500 && got.status != 501 {
				t.Errorf("%s, request %d: %d %s", name, i, got.status, got.body)
			}
			told[fmt.Sprintf("the answer to request %d", i)] += fmt.Sprintln(got.status, got.header, got.body)
			_ = c.Close()
		}
	}
	// What devices say, good or not, is no business of the operator's log.
	d := s.flood(secrets["device 1"])
	for _, secret := range secrets {
		socket, err := s.dial("", secrets["device 2"])
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{`{"type":"$hello"}`, `{"type":"m","secret":"` + secret + `"}`, `{"type":"` + secret, secret, `{"type":7,"x":"` + secret + `"}`,
			`{"type":"m","$id":7,"x":"` + secret + `"}`, `{"type":"$ack","$id":"` + secret + `"}`, `{"type":"m","fail":"` + secret + `"}`} {
			socket.say(text)
		}
		go socket.read(false)
		for range 6 {
			told["a frame"] += fmt.Sprintln(socket.hear())
			if len(socket.frames) == 0 {
				break
			}
		}
		socket.conn.Drop()
	}
	if err := s.RemoveDevice(t.Context(), "home", "d1"); err != nil {
		t.Fatal(err)
	}
	d()
	for _, pid := range append(childrenOf(t, os.Getpid()), os.Getpid()) {
		for _, file := range []string{"cmdline", "environ"} {
			data, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file)) // it may have ended
			told[fmt.Sprintf("the %s of process %d", file, pid)] = string(data)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	told["the log"] = s.log.String()
	err := filepath.WalkDir(s.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		told["the file "+filepath.Base(path)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told["the log"]) < 1000 || len(told["the file tendril.db"]) < 10_000 {
		t.Fatal("there is nothing to look through")
	}
	for who, text := range told {
		for name, secret := range secrets {
			if !strings.Contains(text, secret) || name == "first admin" && who == "the file admin-token" {
				continue
			}
			at := strings.Index(text, secret)
			t.Errorf("%s tells the %s: …%s…", who, name, text[max(0, at-80):min(len(text), at+len(secret)+20)])
		}
	}
}
