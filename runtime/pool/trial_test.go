package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime/worker"
	"github.com/tendril-run/tendril/versions"
)

// tried runs a trial of a module whose source is its own bundle, line for line
// and column for column.
func tried(t *testing.T, p *Pool, body string) (versions.Report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p.Try(ctx, versions.Script{Name: "test", Main: "src/main.ts"}, bundled(body))
}

// bundled is a module with a source map that maps the start of every line to the
// same line of src/main.ts.
func bundled(body string) versions.Bundle {
	n := strings.Count(body, "\n") + 1
	mappings := "AAAA" + strings.Repeat(";AACA", n-1)
	return versions.Bundle{
		Code: []byte(body),
		SourceMap: []byte(fmt.Sprintf(`{"version":3,"sources":["src/main.ts"],"sourcesContent":[%q],"names":[],"mappings":%q}`,
			body, mappings)),
	}
}

func TestTrialReportsWhatIsExported(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	r, err := tried(t, p, `__tendril_export(class {
  static tendril = {isolation: "device", connectOnDeploy: false};
  crons = {nightly: "0 3 * * *"};
  onMessage() {}
  onDeviceConnect() {}
});`)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(r.Handlers) != "[onDeviceConnect onMessage]" || r.Options.Isolation != "device" ||
		r.Options.ConnectOnDeploy == nil || *r.Options.ConnectOnDeploy {
		t.Errorf("report %+v", r)
	}
	if len(r.Crons) != 1 || r.Crons[0].Name != "nightly" || string(r.Crons[0].Spec) != `"0 3 * * *"` {
		t.Errorf("crons %+v", r.Crons)
	}
	settle(t, p)
}

func TestTrialRefusesWithAPosition(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	for name, c := range map[string]struct {
		body, message string
		line          int
	}{
		"throw":       {"const a = 1;\nthrow new TypeError(\"no\");", "TypeError: no", 2},
		"loop":        {"const a = 1;\nfor (let i = 0; ; i++) {}", "does not end", 2},
		"constructor": {"__tendril_export(class {\n  constructor() {\nthrow new Error(\"in it\");\n  }\n});", "in it", 3},
		"nothing":     {"const a = 1;", "entrypoint", 0},
		"stuck":       {stuck, "does not end", 0},
		"syntax":      {"const a = ;", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tried(t, p, c.body)
			var serr *versions.SourceError
			if !errors.As(err, &serr) {
				t.Fatalf("error %v", err)
			}
			if serr.File != "src/main.ts" || serr.Script != "test" || !strings.Contains(serr.Message, c.message) || c.line > 0 && serr.Line != c.line {
				t.Errorf("error %+v", serr)
			}
			if c.line > 0 && !strings.HasPrefix(serr.Frame, fmt.Sprintf("%d | ", c.line)) {
				t.Errorf("frame %q", serr.Frame)
			}
		})
	}
}

func TestTopLevelMayTakeHalfOfTheBudget(t *testing.T) {
	t.Parallel()
	script := versions.Script{Name: "test", Main: "src/main.ts"}
	if _, err := verdict(script, versions.Bundle{}, worker.Tried{CPU: trialBudget / 2}); err != nil {
		t.Error(err)
	}
	_, err := verdict(script, versions.Bundle{}, worker.Tried{CPU: trialBudget/2 + 1})
	var serr *versions.SourceError
	if !errors.As(err, &serr) || serr.File != "src/main.ts" || !strings.Contains(serr.Message, "the limit is") {
		t.Errorf("error %v", err)
	}
}

func TestTrialThatTakesTheMemoryIsRefused(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	for _, body := range []string{
		`const a = new ArrayBuffer(2 ** 40);`,
		`const a = []; for (;;) a.push(new Array(100000).fill(1));`,
	} {
		_, err := tried(t, p, body)
		var serr *versions.SourceError
		if !errors.As(err, &serr) || serr.File != "src/main.ts" {
			t.Errorf("error %v", err)
		}
	}
}

func TestTrialsTakeTurns(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	errs := make(chan error, 3*maxTries)
	for range cap(errs) {
		go func() {
			_, err := p.Try(context.Background(), versions.Script{Name: "test", Main: "m.ts"}, bundled(`__tendril_export({onMessage() {}});`))
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.alive) - len(p.children) - p.starting; n > maxTries {
		t.Errorf("%d children of trials", n)
	}
}

func TestFrameMarksTheColumn(t *testing.T) {
	t.Parallel()
	sourceMap := []byte(`{"version":3,"sources":["a.ts","lib/b.ts"],"sourcesContent":["one","first\n\tconst x = y;\r\n"],"mappings":""}`)
	if got, want := frame(sourceMap, "lib/b.ts", 2, 8), "2 | \tconst x = y;\n  | \t      ^"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range []struct {
		file string
		line int
	}{{"lib/b.ts", 9}, {"c.ts", 1}, {"a.ts", 0}} {
		if got := frame(sourceMap, c.file, c.line, 1); got != "" {
			t.Errorf("%v: %q", c, got)
		}
	}
	if got := frame([]byte("no map"), "a.ts", 1, 1); got != "" {
		t.Errorf("of no map: %q", got)
	}
}
