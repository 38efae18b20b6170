package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
)

// rest is a request to the management API as it stands on the wire. Where head
// and body hold VICTIM or TOKEN, the server's address and its admin's token are
// put in.
type rest struct {
	head   string // lines, without the end
	body   string
	status []int // any of these; 0 is a closed connection
	code   string
	says   string // in the answer
	alone  bool   // nothing that came with it is taken for another request
}

const bearer = "Host: VICTIM\nAuthorization: Bearer TOKEN\n"

// posting is the head of a body that says its own length.
const posting = "POST /v1/projects HTTP/1.1\n" + bearer + "Content-Type: application/json\n"

var hostileRequests = map[string]rest{
	"override header":       {head: "POST /v1/projects/home HTTP/1.1\n" + bearer + "X-HTTP-Method-Override: GET", status: []int{405}},
	"override to delete":    {head: "GET /v1/projects/home/devices/prey HTTP/1.1\n" + bearer + "X-HTTP-Method-Override: DELETE", status: []int{200}, says: `"device_id":"prey"`},
	"override parameter":    {head: "GET /v1/projects/home/devices/prey?_method=DELETE HTTP/1.1\n" + bearer, status: []int{400}},
	"unknown method":        {head: "BREW /v1/projects HTTP/1.1\n" + bearer, status: []int{405}},
	"dots":                  {head: "GET /v1/projects/home/../home HTTP/1.1\n" + bearer, status: []int{404}},
	"dots before":           {head: "GET /../v1/projects HTTP/1.1\n" + bearer, status: []int{404}},
	"encoded dots":          {head: "GET /v1/projects/%2e%2e HTTP/1.1\n" + bearer, status: []int{404}},
	"dots as a device":      {head: "GET /v1/projects/home/devices/.. HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_device"},
	"encoded slash":         {head: "GET /v1/projects/home/devices/a%2f..%2fb HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_path"},
	"encoded backslash":     {head: `GET /v1/projects/home/devices/a%5cb HTTP/1.1` + "\n" + bearer, status: []int{400}, code: "invalid_device"},
	"NUL in the path":       {head: "GET /v1/projects/home/devices/a%00 HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_path"},
	"bad escape":            {head: "GET /v1/projects/%zz HTTP/1.1\n" + bearer, status: []int{400}},
	"bad UTF-8":             {head: "GET /v1/projects/%ff HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_path"},
	"two slashes":           {head: "GET //v1/projects HTTP/1.1\n" + bearer, status: []int{404}},
	"authority":             {head: "GET //evil.example/v1/projects HTTP/1.1\n" + bearer, status: []int{404, 421}},
	"star":                  {head: "OPTIONS * HTTP/1.1\n" + bearer, status: []int{400}},
	"connect":               {head: "CONNECT evil.example:443 HTTP/1.1\n" + bearer, status: []int{400, 404, 405, 421}},
	"no slash":              {head: "GET v1/projects HTTP/1.1\n" + bearer, status: []int{400}},
	"endless URI":           {head: "GET /" + strings.Repeat("a", 2<<20) + " HTTP/1.1\n" + bearer, status: []int{414, 431}},
	"id of 64":              {head: "GET /v1/projects/home/devices/" + strings.Repeat("a", 64) + " HTTP/1.1\n" + bearer, status: []int{404}, says: "no such device"},
	"id of 65":              {head: "GET /v1/projects/home/devices/" + strings.Repeat("a", 65) + " HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_device"},
	"no host":               {head: "GET /health HTTP/1.1", status: []int{400}},
	"no host of old":        {head: "GET /health HTTP/1.0", status: []int{400}},
	"two hosts":             {head: "GET /health HTTP/1.1\nHost: VICTIM\nHost: VICTIM", status: []int{400}},
	"foreign host":          {head: "GET /health HTTP/1.1\nHost: evil.example", status: []int{421}, code: "unknown_host"},
	"forwarded host":        {head: "GET /health HTTP/1.1\nHost: evil.example\nX-Forwarded-Host: localhost", status: []int{421}},
	"length and chunks":     {head: posting + "Content-Length: 4\nTransfer-Encoding: chunked", body: "0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", status: []int{400}, alone: true},
	"chunks and length":     {head: posting + "Transfer-Encoding: chunked\nContent-Length: 4", body: "0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", status: []int{400}, alone: true},
	"two lengths":           {head: posting + "Content-Length: 4\nContent-Length: 5", body: "{}{}{", status: []int{400}, alone: true},
	"negative length":       {head: posting + "Content-Length: -1", status: []int{400}, alone: true},
	"signed length":         {head: posting + "Content-Length: +5", body: "{   }", status: []int{400}, alone: true},
	"hex length":            {head: posting + "Content-Length: 0x5", body: "{   }", status: []int{400}, alone: true},
	"huge length":           {head: posting + "Content-Length: 99999999999", status: []int{413}},
	"immense length":        {head: posting + "Content-Length: 99999999999999999999", status: []int{400, 413}},
	"unknown coding":        {head: posting + "Transfer-Encoding: xchunked", body: "0\r\n\r\n", status: []int{400, 501}, alone: true},
	"two codings":           {head: posting + "Transfer-Encoding: chunked, identity", body: "0\r\n\r\n", status: []int{400, 501}, alone: true},
	"coding twice":          {head: posting + "Transfer-Encoding: Chunked\nTransfer-Encoding: Chunked", body: "0\r\n\r\n", status: []int{400, 501}, alone: true},
	"coding of old":         {head: "POST /v1/projects HTTP/1.0\n" + bearer + "Transfer-Encoding: chunked", body: "0\r\n\r\n", status: []int{400}, alone: true},
	"bad chunk":             {head: posting + "Transfer-Encoding: chunked", body: "0x2\r\n{}\r\n0\r\n\r\n", status: []int{400}, alone: true},
	"space before colon":    {head: "GET /v1/projects HTTP/1.1\n" + bearer + "X-A : b", status: []int{400}, alone: true},
	"folded header":         {head: "GET /v1/projects HTTP/1.1\n" + bearer + "X-A: b\n c", status: []int{400}, alone: true},
	"NUL in a header":       {head: "GET /v1/projects HTTP/1.1\n" + bearer + "X-A: b\x00c", status: []int{400}, alone: true},
	"escape in a header":    {head: "GET /v1/projects HTTP/1.1\n" + bearer + "X-A: \x1b[31mred", status: []int{400}, alone: true},
	"return in a header":    {head: "GET /v1/projects HTTP/1.1\n" + bearer + "X-A: b\rX-B: c", status: []int{400}, alone: true},
	"10,000 headers":        {head: "GET /v1/projects HTTP/1.1\n" + bearer + strings.Repeat("X-A: b\n", 10_000), status: []int{431}},
	"1,000 short headers":   {head: "GET /v1/projects HTTP/1.1\n" + bearer + strings.Repeat("a:b\n", 1000), status: []int{431}, code: "too_many_headers"},
	"long header":           {head: "GET /v1/projects HTTP/1.1\n" + bearer + "X-A: " + strings.Repeat("b", 200<<10), status: []int{431}},
	"promised gigabyte":     {head: posting + "Expect: 100-continue\nContent-Length: 1073741824", status: []int{413}, code: "too_large"},
	"unknown expectation":   {head: posting + "Expect: tea\nContent-Length: 2", body: "{}", status: []int{417}},
	"get with a body":       {head: "GET /v1/projects HTTP/1.1\n" + bearer + "Content-Length: 38", body: "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n", status: []int{200}},
	"get with chunks":       {head: "GET /v1/projects HTTP/1.1\n" + bearer + "Transfer-Encoding: chunked", body: "2\r\nhi\r\n0\r\n\r\n", status: []int{200, 400}},
	"hop by hop":            {head: "GET /v1/projects HTTP/1.1\n" + bearer + "Connection: close, Authorization, X-Token", status: []int{200}},
	"two tokens":            {head: "GET /v1/projects HTTP/1.1\n" + bearer + "Authorization: Bearer TOKEN", status: []int{400}},
	"token in the query":    {head: "GET /v1/projects?token=TOKEN HTTP/1.1\nHost: VICTIM", status: []int{400, 401}},
	"token with a tab":      {head: "GET /v1/projects HTTP/1.1\nHost: VICTIM\nAuthorization: Bearer TOKEN\tx", status: []int{401}},
	"image wanted":          {head: "GET /v1/projects HTTP/1.1\n" + bearer + "Accept: image/png", status: []int{200}, says: `"items"`},
	"upgrade to HTTP/2":     {head: "GET /health HTTP/1.1\nHost: VICTIM\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__", status: []int{200}},
	"HTTP/2 preface":        {head: "PRI * HTTP/2.0\n\nSM", status: []int{400, 505}},
	"HTTP/3":                {head: "GET /health HTTP/3.0\nHost: VICTIM", status: []int{400, 505}},
	"HTTP/0.9":              {head: "GET /health", status: []int{400}},
	"TLS hello":             {head: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: []int{0, 400}},
	"form":                  {head: "POST /v1/projects HTTP/1.1\n" + bearer + "Content-Type: application/x-www-form-urlencoded\nContent-Length: 14", body: "project_slug=x", status: []int{415}},
	"NUL in a body":         {head: posting + "Content-Length: 21", body: "{\"project_slug\":\"\x00x\"}", status: []int{400}},
	"BOM":                   {head: posting + "Content-Length: 23", body: "\xef\xbb\xbf{\"project_slug\":\"ab\"}", status: []int{400}},
	"10 MB":                 {head: posting + "Content-Length: 10485760", body: strings.Repeat(" ", 10<<20), status: []int{413}},
	"cut off":               {head: posting + "Content-Length: 30", body: `{"project_slug":`, status: []int{400}},
	"id and role":           {head: posting + "Content-Length: 47", body: `{"project_slug":"abc","id":"x","role":"admin"}  `[:47], status: []int{400}},
	"10,000 parameters":     {head: "GET /v1/projects?" + strings.Repeat("a&", 10_000) + " HTTP/1.1\n" + bearer, status: []int{400}},
	"forged cursor":         {head: "GET /v1/projects/home/devices/prey/logs?cursor=AAAA HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_cursor"},
	"database words":        {head: "GET /v1/projects/home/devices/prey/kv?prefix='%20OR%201=1-- HTTP/1.1\n" + bearer, status: []int{200}, says: `"items":[]`},
	"empty key":             {head: "GET /v1/projects/home/devices/prey/kv/ HTTP/1.1\n" + bearer, status: []int{404}},
	"key of 513 bytes":      {head: "GET /v1/projects/home/devices/prey/kv/" + strings.Repeat("k", 513) + " HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_key"},
	"NUL in a key":          {head: "GET /v1/projects/home/devices/prey/kv/a%00 HTTP/1.1\n" + bearer, status: []int{400}, code: "invalid_key"},
	"climbing key":          {head: "GET /v1/projects/home/devices/prey/kv/%2e%2e%2f%2e%2e HTTP/1.1\n" + bearer, status: []int{404}, says: "no such key"},
	"climbing key, unquote": {head: "GET /v1/projects/home/devices/prey/kv/../kv HTTP/1.1\n" + bearer, status: []int{404}, says: "no such path"},
	"rollback to zero":      {head: deploying, body: `{"kind":"rollback","scripts":{"parrot":0}}`, status: []int{400}},
	"rollback below zero":   {head: deploying, body: `{"kind":"rollback","scripts":{"parrot":-1}}`, status: []int{400}},
	"rollback to nothing":   {head: deploying, body: `{"kind":"rollback","scripts":{"parrot":99}}`, status: []int{404}},
	"rollback to a project": {head: deploying, body: `{"kind":"rollback","scripts":{"other":1}}`, status: []int{404}},
	"rollback to current":   {head: deploying, body: `{"kind":"rollback","scripts":{"parrot":1}}`, status: []int{200, 201}, says: `"deployments":[]`},
	"stale expectation":     {head: deploying, body: `{"kind":"deploy","scripts":{"parrot":1},"expect":{"parrot":7}}`, status: []int{409}, code: "conflict"},
}

// deploying measures its body when it is sent.
const deploying = "POST /v1/projects/home/deployments HTTP/1.1\n" + bearer + "Content-Type: application/json\nContent-Length: MEASURED"

func (q rest) text(v *victim) string {
	head := strings.ReplaceAll(strings.TrimSuffix(q.head, "\n"), "\n", "\r\n") + "\r\n\r\n"
	return strings.NewReplacer("VICTIM", v.address, "TOKEN", v.Token, "MEASURED", strconv.Itoa(len(q.body))).Replace(head) + q.body
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for name, q := range hostileRequests {
		t.Run(name, func(t *testing.T) {
			r := v.open(t, q.text(v))
			if q.says == "" && strings.HasPrefix(name, "cut") {
				_ = r.Conn.(interface{ CloseWrite() error }).CloseWrite()
			}
			method, _, _ := strings.Cut(q.head, " ")
			status, body := r.reply(method)
			if !slices.Contains(q.status, status) {
				t.Fatalf("answered with %d %.200s, want %v", status, body, q.status)
			}
			var told struct {
				Code    string
				Success *bool
			}
			if q.code != "" && (json.Unmarshal([]byte(body), &told) != nil || told.Code != q.code || told.Success == nil) {
				t.Errorf("body %.200s, want code %s", body, q.code)
			}
			if !strings.Contains(body, q.says) {
				t.Errorf("body %.200s says nothing of %q", body, q.says)
			}
			if q.alone {
				if again, body := r.reply("GET"); again != 0 {
					t.Errorf("a second answer: %d %.200s", again, body)
				}
			}
			_ = r.Close()
			v.unharmed(t)
		})
	}
	if list, err := v.Projects(t.Context(), 0, 0); err != nil || len(list.Items) != 1 {
		t.Errorf("projects after all that: %+v, %v", list.Items, err)
	}
}

// reply reads an answer to a method with its body.
func (r raw) reply(method string) (int, string) {
	r.t.Helper()
	w := &wireTo{t: r.t, Conn: r.Conn, r: r.r}
	got := w.heard(method)
	r.v.shown = append(r.v.shown, got.body)
	return got.status, got.body
}

func TestPipelinedRequestsStayInStep(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	get := "GET /health HTTP/1.1\r\nHost: " + v.address + "\r\n\r\n"
	post := func(body string) string {
		return rest{head: deploying, body: body}.text(v)
	}
	r := v.open(t, get+post(`{"kind":"rollback","scripts":{"parrot":1}}`)+"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n"+
		strings.Replace(post(""), "Content-Length: 0", "Transfer-Encoding: chunked", 1)+"2\r\n{}\r\n0\r\n\r\n"+get+"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n"+get)
	for i, want := range []struct {
		method string
		status int
	}{{"GET", 200}, {"POST", 201}, {"HEAD", 200}, {"POST", 400}, {"GET", 200}, {"GET", 400}, {"GET", 0}} {
		if status, body := r.reply(want.method); status != want.status && !(want.status == 201 && status == 200) {
			t.Fatalf("answer %d: %d %.200s, want %d", i+1, status, body, want.status)
		}
	}
	v.unharmed(t)
}

func TestUpgradeThatFailsIsTheLastRequest(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	r := v.open(t, v.request("Sec-WebSocket-Version: 8")+"GET /v1/projects HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n")
	if status, _ := r.reply("GET"); status != 400 {
		t.Errorf("the upgrade: %d", status)
	}
	if status, body := r.reply("GET"); status != 0 {
		t.Errorf("what came behind it: %d %s", status, body)
	}
	v.unharmed(t)
}

func TestThousandParallelDeploysAreSerialised(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.upload("parrot", parrot+"// two")
	var flips, conflicts sync.Map
	var all sync.WaitGroup
	for i := range 1000 {
		to := 1 + i%2
		all.Go(func() {
			made, err := v.Deploy(t.Context(), "home", api.NewDeployment{Kind: "deploy", Scripts: map[string]int{"parrot": to}})
			switch e := (*api.Error)(nil); {
			case err == nil && len(made.Deployments) == 1:
				flips.Store(i, made.Deployments[0])
			case err != nil && !(asError(err, &e) && (e.Status == http.StatusConflict || e.Status == http.StatusTooManyRequests)):
				t.Errorf("deploy %d: %v", i, err)
			default:
				conflicts.Store(i, true)
			}
		})
	}
	all.Wait()
	made := map[string]api.Deployment{}
	flips.Range(func(_, d any) bool {
		made[d.(api.Deployment).ID] = d.(api.Deployment)
		return true
	})
	// History is one chain: each flip begins where the one before it ended.
	at, found := 1, 0
	for page := 1; ; page++ {
		list, err := v.Deployments(context.Background(), "home", page, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range list.Items {
			if page == 1 && i == 0 {
				at = d.To
			}
			if d.To != at {
				t.Fatalf("deployment %s leads to %d, the next begins at %d", d.ID, d.To, at)
			}
			if d.From != nil {
				at = *d.From
			}
			if _, ok := made[d.ID]; ok {
				found++
			}
		}
		if !list.HasMore {
			break
		}
	}
	if found != len(made) || found == 0 {
		t.Errorf("%d flips were told, %d of them are in the history", len(made), found)
	}
	v.unharmed(t)
}

func TestKeysAreTakenLiterally(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	put := func(key, value string) error {
		return v.PutPair(t.Context(), "home", "prey", key, json.RawMessage(value), 0)
	}
	nfc, nfd := "caf\u00e9", "cafe\u0301"
	for key, value := range map[string]string{nfc: `"composed"`, nfd: `"apart"`, "../prey": `1`, "%2F": `2`, "' OR 1=1--": `3`, "__proto__": `4`} {
		if err := put(key, value); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		if got := v.value("prey", key); got != value {
			t.Errorf("%q holds %s", key, got)
		}
	}
	if v.value("prey", nfc) == v.value("prey", nfd) {
		t.Error("two forms of a letter are one key")
	}
	var e *api.Error
	if err := put("large", `"`+strings.Repeat("x", 64<<10)+`"`); !asError(err, &e) || e.Status != 413 {
		t.Errorf("64 KiB and more: %v", err)
	}
	for i := range 1001 {
		err := put(fmt.Sprint("k", i), "1")
		if err == nil {
			continue
		}
		if !asError(err, &e) || e.Status != 507 || i < 900 {
			t.Fatalf("key %d: %v", i, err)
		}
		break
	}
	if err := v.RemoveDevice(t.Context(), "home", "other"); err != nil {
		t.Error(err)
	}
	v.unharmed(t)
}

func asError(err error, e **api.Error) bool { return errors.As(err, e) }
