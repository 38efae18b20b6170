package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/server"
)

// target is what a verb talks to: a server, and a project of it.
type target struct {
	*api.Client
	project string
}

// settings are where a verb looks for its target, in the order of their weight:
// flags, the environment, the folders.
type settings struct {
	url, tokenFile, project string
	dir                     string
}

func readSettings(cmd *cobra.Command, dir string) settings {
	flag := func(name string) string {
		s, _ := cmd.Flags().GetString(name)
		return s
	}
	return settings{
		url:       cmp.Or(flag("url"), os.Getenv("TENDRIL_URL")),
		tokenFile: flag("token-file"),
		project:   cmp.Or(flag("project"), os.Getenv("TENDRIL_PROJECT")),
		dir:       dir,
	}
}

// findTarget finds the server and the project of a verb that works in the
// current folder.
func findTarget(cmd *cobra.Command) (target, error) {
	s := readSettings(cmd, ".")
	root := ""
	p, err := findProject(s.dir)
	switch {
	case err == nil:
		root, s.project = p.Root, cmp.Or(s.project, p.Name)
	case s.project == "" && errors.Is(err, errNoProject):
		return target{}, problem{Code: "no_project", Message: err.Error(), Hint: "name the project with --project or TENDRIL_PROJECT"}
	case !errors.Is(err, errNoProject):
		return target{}, err
	}
	return s.target(root)
}

// target resolves the server and the credential. root is the folder of the
// project file, or "".
func (s settings) target(root string) (target, error) {
	t := target{Client: &api.Client{URL: strings.TrimRight(s.url, "/")}, project: s.project}
	near := localServers(root, s.dir)
	var data string // the directory whose server is meant
	if t.URL == "" {
		if len(near) == 0 {
			return t, problem{Code: "no_server", Message: "no server is known here",
				Hint: "start one with `tendril dev` or `tendril serve`, or name one with --url or TENDRIL_URL"}
		}
		t.URL, data = near[0].URL, near[0].data
	} else {
		if u, err := url.Parse(t.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return t, usageError{message: fmt.Sprintf("invalid server %q", s.url), hint: "a server is named like http://127.0.0.1:7777"}
		}
		// The admin token of a local server is for that server alone.
		if i := slices.IndexFunc(near, func(l localServer) bool { return l.URL == t.URL }); i >= 0 {
			data = near[i].data
		}
	}
	var err error
	t.Token, err = s.token(data)
	return t, err
}

func (s settings) token(data string) (string, error) {
	file := s.tokenFile
	if file == "" {
		if token := strings.TrimSpace(os.Getenv("TENDRIL_TOKEN")); token != "" {
			return token, nil
		}
		if data == "" {
			return "", problem{Code: "no_credential", Message: "no API token", Hint: "set TENDRIL_TOKEN or --token-file"}
		}
		file = filepath.Join(data, "admin-token")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", problem{Code: "no_credential", Message: "read API token: " + err.Error(), Hint: "set TENDRIL_TOKEN or --token-file"}
	}
	return strings.TrimSpace(string(text)), nil
}

// localServer is what a server leaves in its data directory.
type localServer struct {
	URL    string         `json:"url"`
	PID    int            `json:"pid"`
	Limits []server.Limit `json:"limits,omitempty"`
	data   string
}

// dataDirs are the names of data directories, in the order they are looked for.
var dataDirs = [...]string{".tendril", "tendril-data"}

// localServers finds the servers whose data directories lie in these folders,
// those whose process lives first.
func localServers(folders ...string) []localServer {
	var found []localServer
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		for _, name := range dataDirs {
			found = append(found, announced(filepath.Join(folder, name))...)
		}
	}
	slices.SortStableFunc(found, func(a, b localServer) int { return rank(a) - rank(b) })
	return found
}

// announced is the server that has told of itself in a data directory, if any.
func announced(data string) []localServer {
	s := localServer{data: data}
	text, err := os.ReadFile(filepath.Join(data, "server.json"))
	if err != nil || json.Unmarshal(text, &s) != nil || s.URL == "" {
		return nil
	}
	return []localServer{s}
}

func rank(s localServer) int {
	if alive(s.PID) {
		return 0
	}
	return 1
}

// alive says whether a process exists.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if pid <= 0 || err != nil {
		return false
	}
	if runtime.GOOS == "windows" {
		return true // there, only a living process is found
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// failed tells what was being done. An error that is no answer of the server
// means that the server was not reached.
func (t target) failed(ctx context.Context, doing string, err error) error {
	var answer *api.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer):
		return fmt.Errorf("%s: %w", doing, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	return problem{
		Code:    "unreachable",
		Message: fmt.Sprintf("%s: cannot reach %s: %v", doing, t.URL, err),
		Hint:    "is the server running? `tendril serve` starts one",
	}
}

// code is the API's word for an error, or "".
func code(err error) string {
	var answer *api.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// name tells people which server a verb is about to change.
func (t target) name(o output) { o.note("server %s, project %s", t.URL, t.project) }

// all reads a list page by page.
func all[T any](page func(page, perPage int) (api.Page[T], error)) ([]T, error) {
	rows := []T{}
	for n := 1; ; n++ {
		p, err := page(n, 100)
		if err != nil {
			return nil, err
		}
		rows = append(rows, p.Items...)
		if !p.HasMore || len(p.Items) == 0 {
			return rows, nil
		}
	}
}
