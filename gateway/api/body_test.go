package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
)

func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const path = "/v1/projects/home/devices"
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
		says   string
	}{
		"no body":       {``, 400, "invalid_request", "body"},
		"no JSON":       {`{`, 400, "bad_json", ""},
		"no object":     {`[]`, 400, "bad_json", ""},
		"two values":    {`{"device_id":"a","script":"s"} {}`, 400, "bad_json", ""},
		"duplicate key": {`{"device_id":"a","device_id":"b","script":"s"}`, 400, "duplicate_key", ""},
		"escaped twice": {`{"device_id":"a","device\u005fid":"b","script":"s"}`, 400, "duplicate_key", ""},
		"not UTF-8":     {"{\"device_id\":\"a\xff\",\"script\":\"s\"}", 400, "bad_json", ""},
		"too deep":      {`{"device_id":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, "too_deep", ""},
		"unknown field": {`{"device_id":"a","script":"s","colour":"red"}`, 400, "invalid_request", "colour"},
		"folded case":   {`{"Device_ID":"a","script":"s"}`, 400, "invalid_request", ""},
		"both cases":    {`{"device_id":"a","DEVICE_ID":"b","script":"s"}`, 400, "invalid_request", "DEVICE_ID"},
		"missing field": {`{"device_id":"a"}`, 400, "invalid_request", "script"},
		"wrong type":    {`{"device_id":5,"script":"s"}`, 400, "invalid_request", "device_id"},
		"null":          {`{"device_id":null,"script":"s"}`, 400, "invalid_request", "device_id"},
		"bad device id": {`{"device_id":"a b","script":"s"}`, 400, "invalid_device", "device id"},
		"bad script":    {`{"device_id":"a","script":"S"}`, 400, "invalid_script", "script"},
		"reserved":      {`{"device_id":"a","script":"list"}`, 400, "invalid_script", "list"},
		"large":         {`{"device_id":"a","script":"` + strings.Repeat("s", 200<<10) + `"}`, 413, "too_large", "128 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do("POST", path, c.body)
			s.refused(got, c.status, c.code)
			if text, _ := got.body["error"].(string); !strings.Contains(text, c.says) {
				t.Errorf("says %q, nothing of %q", text, c.says)
			}
		})
	}
	if list, err := s.Devices(t.Context(), "home", 0, 0); err != nil || len(list.Items) != 0 {
		t.Errorf("a refused body made %v, %v", list.Items, err)
	}
}

func TestBodiesMustSayThatTheyAreJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := `{"project_slug":"new"}`
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
		"application/json; x", "application/json; charset=utf-16"} {
		s.refused(s.do("POST", "/v1/projects", body, "Content-Type", media), 415, "unsupported_media_type")
	}
	s.refused(s.do("POST", "/v1/projects", body, "Content-Encoding", "gzip"), 415, "unsupported_media_type")
	if got := s.do("POST", "/v1/projects", body, "Content-Type", "application/json; charset=utf-8"); got.status != 201 {
		t.Errorf("with a charset: %d %s", got.status, got.text)
	}
}

func TestLargeBodyWithoutLengthIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	endless := &struct{ *strings.Reader }{strings.NewReader(`{"project_slug":"` + strings.Repeat("a", 1<<20))}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/projects", endless)
	req.ContentLength = -1
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.Token)
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestGetAndBodylessPostMayNameJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if got := s.do("GET", "/v1/projects", ""); got.status != 200 {
		t.Errorf("GET: %d %s", got.status, got.text)
	}
	if _, _, err := s.db.Deploy(t.Context(), place(s, "lamp", "light")); err != nil {
		t.Fatal(err)
	}
	if got := s.do("POST", "/v1/projects/home/devices/lamp/token", ""); got.status != 201 {
		t.Errorf("bodyless POST: %d %s", got.status, got.text)
	}
}

func TestUnknownQueryParameterIsNamed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for query, says := range map[string]string{
		"perpage=5": "perpage", "page=0": "page", "per_page=101": "per_page", "page=x": "page",
	} {
		got := s.do("GET", "/v1/projects?"+query, "")
		s.refused(got, 400, "invalid_request")
		if text, _ := got.body["error"].(string); !strings.Contains(text, says) {
			t.Errorf("%s: says %q", query, text)
		}
	}
}

// TestUnknownMembersOfEveryBodyAreRefused walks the document: what a caller may
// not set is no member of any body.
func TestUnknownMembersOfEveryBodyAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	bodies := map[string]string{
		"create-token": `"name":"a","scopes":["read"]`, "create-owner": `"name":"acme"`, "create-project": `"project_slug":"new"`,
		"create-device": `"device_id":"a","script":"s"`, "issue-device-token": `"rotate":true`, "put-kv": `"value":1`,
		"send-command": `"command":{"type":"a"}`, "make-versions": `"files":{"a.ts":""},"scripts":{"a":{"main":"a.ts"}}`,
		"deploy": `"kind":"deploy","scripts":{"light":1}`,
	}
	for _, r := range api.Routes(s.handler) {
		if r.Method != "POST" && r.Method != "PUT" {
			continue
		}
		good, ok := bodies[r.ID]
		if !ok {
			t.Errorf("%s has no example here", r.ID)
			continue
		}
		for _, more := range []string{`"id":"1"`, `"owner":"acme"`, `"created_at":1`, `"role":"admin"`, `"__proto__":{}`, `"$schema":"x"`} {
			got := s.do(r.Method, fill(r.Path, "home", "lamp"), "{"+good+","+more+"}")
			s.refused(got, 400, "invalid_request")
		}
	}
}
