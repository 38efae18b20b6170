package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

const deployments = "/v1/projects/home/deployments"

func TestDeploymentFlipsAndPlacesTogether(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.upload("light", "one")
	s.upload("heat", "one")
	s.addDevice("stove", "light")
	got := s.do("POST", deployments,
		`{"kind":"deploy","scripts":{"light":1,"heat":1},"expect":{"light":null},"devices":{"lamp":"light","stove":"heat"},"message":"go"}`)
	if got.status != 201 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	rows, _ := got.body["deployments"].([]any)
	if len(rows) != 2 {
		t.Fatalf("rows %s", got.text)
	}
	row, _ := rows[0].(map[string]any)
	if id, isText := row["id"].(string); !isText || id == "" {
		t.Errorf("id %v", row["id"])
	}
	if row["kind"] != "deploy" || row["script"] != "heat" || row["from"] != nil || row["to"] != 1.0 || row["author"] != "ci" || row["message"] != "go" || row["created_at"].(float64) < 1e12 {
		t.Errorf("row %v", row)
	}
	if !strings.Contains(got.text, `"devices":[{"device_id":"lamp","script":"light","created":true},{"device_id":"stove","script":"heat","created":false}]`) {
		t.Errorf("devices %s", got.text)
	}
	if !slices.Equal(s.flipped, []string{"heat", "light"}) || !slices.Equal(s.moved, []string{"stove"}) {
		t.Errorf("flipped %v, moved %v", s.flipped, s.moved)
	}
	if d, err := s.Device(t.Context(), "home", "stove"); err != nil || d.Script != "heat" {
		t.Errorf("stove runs %+v, %v", d, err)
	}
}

func TestPointerAlreadyThereAppendsNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.upload("light", "one")
	deploy := api.NewDeployment{Kind: versions.Deploy, Scripts: map[string]int{"light": 1}}
	if _, err := s.Deploy(t.Context(), "home", deploy); err != nil {
		t.Fatal(err)
	}
	s.flipped = nil
	got := s.do("POST", deployments, `{"kind":"rollback","scripts":{"light":1}}`)
	if got.status != 201 || !strings.HasPrefix(got.text, `{"deployments":[],"devices":[]}`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if len(s.flipped) != 0 {
		t.Error("a flip was told that was none")
	}
}

func TestStaleExpectationIsAConflictAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.upload("light", "one")
	s.upload("light", "two")
	s.upload("heat", "one")
	flip := func(to int, expect map[string]*int) error {
		_, err := s.Deploy(t.Context(), "home", api.NewDeployment{
			Kind: versions.Deploy, Scripts: map[string]int{"light": to, "heat": 1}, Expect: expect,
			Devices: map[string]string{"lamp": "light"},
		})
		return err
	}
	one := 1
	err := flip(1, map[string]*int{"light": &one})
	wantCode(t, err, 409, "conflict")
	if !strings.Contains(err.Error(), "conflict") {
		t.Errorf("says %v", err)
	}
	if list, err := s.Deployments(t.Context(), "home", 0, 0); err != nil || len(list.Items) != 0 || len(s.flipped) != 0 {
		t.Errorf("history %+v, %v", list, err)
	}
	_, err = s.Device(t.Context(), "home", "lamp")
	wantCode(t, err, 404, "not_found")
	if err := flip(1, map[string]*int{"light": nil}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, flip(2, map[string]*int{"light": nil}), 409, "conflict")
	if err := flip(2, map[string]*int{"light": &one}); err != nil {
		t.Error(err)
	}
}

func TestRollbackAppendsDeployment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i, text := range []string{"one", "two", "three"} {
		s.upload("light", text)
		if i == 2 {
			break // the third is never live
		}
		if _, err := s.Deploy(t.Context(), "home", api.NewDeployment{Kind: versions.Deploy, Scripts: map[string]int{"light": i + 1}}); err != nil {
			t.Fatal(err)
		}
	}
	rollback := func(to int) error {
		_, err := s.Deploy(t.Context(), "home", api.NewDeployment{Kind: versions.Rollback, Scripts: map[string]int{"light": to}, Message: "back"})
		return err
	}
	wantCode(t, rollback(3), 409, "never_active")
	wantCode(t, rollback(9), 404, "not_found")
	if err := rollback(1); err != nil {
		t.Fatal(err)
	}
	list, err := s.Deployments(t.Context(), "home", 0, 0)
	if err != nil || len(list.Items) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	newest, oldest := list.Items[0], list.Items[2]
	if newest.Kind != versions.Rollback || newest.From == nil || *newest.From != 2 || newest.To != 1 || newest.Message != "back" {
		t.Errorf("newest %+v", newest)
	}
	if oldest.From != nil {
		t.Errorf("oldest %+v", oldest)
	}
	page, err := s.Deployments(t.Context(), "home", 2, 2)
	if err != nil || len(page.Items) != 1 || page.HasMore || page.Items[0].ID != oldest.ID {
		t.Errorf("page 2: %+v, %v", page, err)
	}
}

func TestDeploymentsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.upload("light", "one")
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"nothing":         {`{"kind":"deploy","scripts":{}}`, 400, "invalid_request"},
		"no kind":         {`{"scripts":{"light":1}}`, 400, "invalid_request"},
		"unknown kind":    {`{"kind":"promote","scripts":{"light":1}}`, 400, "invalid_request"},
		"version zero":    {`{"kind":"deploy","scripts":{"light":0}}`, 400, "invalid_request"},
		"half a version":  {`{"kind":"deploy","scripts":{"light":1.5}}`, 400, "invalid_request"},
		"unknown script":  {`{"kind":"deploy","scripts":{"ghost":1}}`, 404, "not_found"},
		"unknown version": {`{"kind":"activate","scripts":{"light":7}}`, 404, "not_found"},
		"other's expect":  {`{"kind":"deploy","scripts":{"light":1},"expect":{"heat":1}}`, 400, "invalid_request"},
		"bad device":      {`{"kind":"deploy","scripts":{"light":1},"devices":{"a b":"light"}}`, 400, "invalid_device"},
		"bad script":      {`{"kind":"deploy","scripts":{"light":1},"devices":{"a":"Light"}}`, 400, "invalid_script"},
	} {
		t.Run(name, func(t *testing.T) { s.refused(s.do("POST", deployments, c.body), c.status, c.code) })
	}
	s.refused(s.do("POST", strings.Replace(deployments, "home", "nowhere", 1), `{"kind":"deploy","scripts":{"light":1}}`), 404, "not_found")
	if list, err := s.Deployments(t.Context(), "home", 0, 0); err != nil || len(list.Items) != 0 {
		t.Errorf("history %+v, %v", list.Items, err)
	}
}
