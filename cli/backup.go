package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/sqlite"
)

// saved is the answer of backup and of restore.
type saved struct {
	File     string          `json:"file"`
	Data     string          `json:"data"`
	Bytes    int64           `json:"bytes"`
	Manifest sqlite.Manifest `json:"manifest"`
}

func backupCommand() *cobra.Command {
	var data string
	cmd := local(&cobra.Command{
		Use:   "backup FILE",
		Short: "Write a data directory into one file, while its server runs or not",
		Long: "Write a data directory into one file, a tar: the database, its log files and the admin token. A server on " +
			"the directory goes on meanwhile. Everything that it acknowledged before is in the file. Keep the file as secret " +
			"as the directory.",
		Example: "tendril backup --data /var/lib/tendril /backups/monday.tar",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, begun := newOutput(cmd), time.Now()
			if _, err := configure(cmd); err != nil {
				return err
			}
			s, err := backup(cmd.Context(), data, args[0])
			if err != nil {
				return err
			}
			if o.json {
				return writeJSON(o.out, s)
			}
			fmt.Fprintf(o.out, "%s: %d files, %s, in %v\n", printable(s.File), len(s.Manifest.Files), size(int(s.Bytes)),
				time.Since(begun).Round(time.Millisecond))
			return nil
		},
	})
	cmd.Flags().StringVar(&data, "data", defaultData, "data directory")
	configFlags(cmd)
	return cmd
}

// backup writes an archive beside its name and gives it the name when it is
// whole and on the disk. It replaces nothing.
func backup(ctx context.Context, data, name string) (s saved, err error) {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return s, problem{Code: "exists", Message: fmt.Sprintf("back up %s: %s exists already", data, name)}
	}
	folder := filepath.Dir(name)
	f, err := os.CreateTemp(folder, "."+filepath.Base(name)+"-*") // made with mode 0600
	if err != nil {
		return s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	m, err := sqlite.Backup(ctx, data, f, folder, build().Version)
	if err != nil {
		return s, err
	}
	if err := f.Sync(); err != nil {
		return s, err
	}
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	if err := f.Close(); err != nil {
		return s, err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return s, err
	}
	return saved{File: name, Data: data, Bytes: info.Size(), Manifest: m}, nil
}

// explainData tells an error of a data directory, with what to do about it.
func explainData(err error) (p problem, known bool) {
	var locked *sqlite.ErrLocked
	p = problem{Message: err.Error()}
	switch {
	case errors.Is(err, sqlite.ErrDamaged):
		p.Code, p.Hint = "damaged", "tendril doctor tells what is damaged; tendril restore makes a new directory of a backup"
	case errors.Is(err, sqlite.ErrNotEmpty):
		p.Code, p.Hint = "not_empty", "name a directory that is not there yet"
	case errors.As(err, &locked):
		p.Code, p.Hint = "in_use", "stop that server, or name another directory"
	}
	return p, p.Code != ""
}
