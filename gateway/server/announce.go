package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tendril-run/tendril/gateway/auth"
)

// Names of the files in the data directory that the command line looks for.
const (
	tokenFile  = "admin-token"
	serverFile = "server.json"
)

// firstToken makes the admin token of a data directory that has no token yet and
// writes it to a file that only its owner can read.
func (s *server) firstToken(ctx context.Context) error {
	owner, err := s.db.Owner(ctx, "default")
	if err != nil {
		return err
	}
	if n, err := s.db.Tokens(ctx, owner.ID); err != nil || n > 0 {
		return err
	}
	token, hash := auth.New(auth.APIToken)
	// The file comes first: a token in the database that nobody knows would lock
	// everybody out.
	path := filepath.Join(s.Data, tokenFile)
	if err := writePrivate(path, []byte(token+"\n")); err != nil {
		return fmt.Errorf("write admin token: %w", err)
	}
	admin := auth.Principal{Name: "admin", Owner: owner.ID, Scopes: []auth.Scope{auth.Admin}}
	if _, err := s.db.AddToken(ctx, hash, admin, 0); err != nil {
		return err
	}
	s.Log.Info("first start: made an admin token", "file", path)
	return nil
}

// announcement tells programs on this machine where the server is.
type announcement struct {
	URL    string  `json:"url"`
	PID    int     `json:"pid"`
	Limits []Limit `json:"limits"` // in force
}

func (s *server) announce(url string) error {
	data, err := json.Marshal(announcement{url, os.Getpid(), s.Limits.Named()})
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(s.Data, serverFile), append(data, '\n'))
}

// unannounce removes the announcement of this server.
func (s *server) unannounce() {
	if err := os.Remove(filepath.Join(s.Data, serverFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Log.Warn("announcement not removed", "error", err)
	}
}

// writePrivate replaces a file whole, with mode 0600.
func writePrivate(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
