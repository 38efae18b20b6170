package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Finding is something about a data directory that should not be so.
type Finding struct {
	Code    string `json:"code"` // integrity, content, log_file, space, clock, schema
	Message string `json:"message"`
}

// Inspection is what there is to say about a data directory.
type Inspection struct {
	Data     string    `json:"data"`
	PID      int       `json:"pid,omitempty"` // of the process that has it
	Schema   int64     `json:"schema"`
	Known    int64     `json:"known_schema"` // the newest that this program knows
	SQLite   string    `json:"sqlite"`
	Epoch    int64     `json:"epoch"`
	Main     int64     `json:"main_bytes"` // of the main file, its write-ahead log included
	Logs     int64     `json:"log_bytes"`
	LogFiles int       `json:"log_files"`
	Free     int64     `json:"free_bytes"`
	Total    int64     `json:"disk_bytes"`
	Devices  int64     `json:"devices"`
	Commands int64     `json:"queued_commands"`
	Versions int64     `json:"versions"`
	Findings []Finding `json:"findings"`
}

// Bounds of what is found odd.
const (
	leastFree = 256 << 20       // bytes
	mostAhead = 5 * time.Minute // that a stored time may be ahead of the clock
	mostFound = 20              // findings of one kind
)

// Inspect checks a data directory, whether a server runs on it or not: every
// page, every reference and every stored content. It changes nothing and holds
// nothing up. Its error means that there was nothing to check.
func Inspect(ctx context.Context, dir string, now time.Time) (Inspection, error) {
	i := Inspection{Data: dir, Known: schema, Findings: []Finding{}}
	if _, err := os.Stat(filepath.Join(dir, mainName)); err != nil {
		return i, fmt.Errorf("no database in %s: %w", dir, err)
	}
	i.PID = holder(dir)
	if err := whole(dir); err != nil {
		i.find("schema", err)
	}
	i.main(now)
	if err := i.logs(ctx); err != nil {
		return i, err
	}
	i.room()
	return i, nil
}

func (i *Inspection) find(code string, err error) {
	i.Findings = append(i.Findings, Finding{Code: code, Message: err.Error()})
}

// main checks the main file.
func (i *Inspection) main(now time.Time) {
	path := filepath.Join(i.Data, mainName)
	i.Main = sizeOf(path)
	err := look(path, schema, func(c *conn) error {
		var err error
		if i.Schema, err = c.number("PRAGMA user_version"); err != nil {
			return err
		}
		if _, err := c.one(func(r row) { i.SQLite = r.text(0) }, "SELECT sqlite_version()"); err != nil {
			return err
		}
		if err := i.integrity(c, path); err != nil {
			return err
		}
		if err := i.contents(c); err != nil {
			return err
		}
		return i.counts(c, now)
	})
	if err != nil {
		i.find("integrity", err)
	}
}

// look lends a reading handle to a file that may be in use.
func look(path string, known int64, f func(*conn) error) error {
	c, err := dial(path, "busy_timeout=5000", "query_only=ON", "cell_size_check=ON")
	if err != nil {
		return refusal(path, err)
	}
	_, err = c.schema(known)
	if err == nil {
		err = f(c)
	}
	return errors.Join(refusal(path, err), c.close())
}

func (i *Inspection) integrity(c *conn, path string) error {
	err := c.each(func(r row) error {
		if text := r.text(0); text != "ok" {
			i.find("integrity", fmt.Errorf("%s: %s", path, strings.ReplaceAll(text, "\n", "; ")))
		}
		return nil
	}, fmt.Sprintf("PRAGMA integrity_check(%d)", mostFound))
	if err != nil {
		return err
	}
	return c.each(func(r row) error {
		i.find("integrity", fmt.Errorf("%s: row %d of %s refers to a row of %s that is not there", path, r.int(1), r.text(0), r.text(2)))
		return nil
	}, "PRAGMA foreign_key_check")
}

// contents holds every stored content against its hash.
func (i *Inspection) contents(c *conn) error {
	var hashes [][]byte
	err := c.each(func(r row) error {
		hashes = append(hashes, slices.Clone(r.blob(0)))
		return nil
	}, `SELECT hash FROM blobs`)
	if err != nil {
		return err
	}
	found := 0
	for _, hash := range hashes {
		if _, err := readBlob(c, hash); err != nil && found < mostFound {
			i.find("content", err)
			found++
		}
	}
	return nil
}

func (i *Inspection) counts(c *conn, now time.Time) error {
	var newest int64
	for query, into := range map[string]*int64{
		`SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'epoch'`: &i.Epoch,
		`SELECT count(*) FROM devices`:                                 &i.Devices,
		`SELECT count(*) FROM outbox`:                                  &i.Commands,
		`SELECT count(*) FROM versions`:                                &i.Versions,
		`SELECT max(coalesce((SELECT max(last_seen) FROM devices), 0), coalesce((SELECT max(created_at) FROM deployments), 0),
			coalesce((SELECT time FROM outcomes ORDER BY id DESC LIMIT 1), 0))`: &newest,
	} {
		var err error
		if *into, err = c.number(query); err != nil {
			return err
		}
	}
	if ahead := time.UnixMilli(newest).Sub(now); ahead > mostAhead {
		i.find("clock", fmt.Errorf("the clock is %v behind the newest row: it was set back, or ran ahead", ahead.Round(time.Second)))
	}
	return nil
}

// logs checks the log files that the main file has registered.
func (i *Inspection) logs(ctx context.Context) error {
	var numbers []int64
	err := look(filepath.Join(i.Data, mainName), schema, func(c *conn) error {
		return c.each(func(r row) error {
			numbers = append(numbers, r.int(0))
			return nil
		}, `SELECT number FROM log_files ORDER BY number`)
	})
	if err != nil {
		return nil // main has found that
	}
	for _, number := range numbers {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := logPath(filepath.Join(i.Data, "logs"), number)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue // retention, or a file that was never made
		}
		i.LogFiles++
		i.Logs += sizeOf(path)
		if err := look(path, logVersion, func(c *conn) error { return i.integrity(c, path) }); err != nil {
			i.find("log_file", err)
		}
	}
	return nil
}

func (i *Inspection) room() {
	var err error
	if i.Total, i.Free, err = space(i.Data); err != nil {
		i.find("space", fmt.Errorf("space of %s: %w", i.Data, err))
		return
	}
	if i.Free < leastFree {
		i.find("space", fmt.Errorf("%d MiB are free under %s; writes fail when there is none", i.Free>>20, i.Data))
	}
}
