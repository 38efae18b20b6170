package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// conn is one database handle with its prepared statements, each prepared at its
// first use and kept. It is the driver's connection without database/sql in
// between, which costs more than the statements do. One goroutine uses it at a
// time.
type conn struct {
	handle driver.Conn
	stmts  map[string]statement
	args   []driver.NamedValue
}

// statement is what the driver's prepared statements are besides driver.Stmt.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// dial opens a file. The pragmas are applied in order, as "name=value".
func dial(path string, pragmas ...string) (*conn, error) {
	connector, err := connector(path, pragmas)
	if err != nil {
		return nil, err
	}
	handle, err := connector.Connect(context.Background())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &conn{handle: handle, stmts: map[string]statement{}}, nil
}

func connector(path string, pragmas []string) (driver.Connector, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	query := url.Values{"_pragma": pragmas}
	return sqlite.NewConnector("file://" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode())
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return c.handle.Close()
}

func (c *conn) prepare(query string) (statement, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.handle.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	full, ok := s.(statement)
	if !ok {
		return nil, fmt.Errorf("prepare %q: driver statement %T is not usable", query, s)
	}
	c.stmts[query] = full
	return full, nil
}

// exec runs one statement. Arguments are int64, int, string, []byte, bool or
// nil; a nil []byte is NULL.
func (c *conn) exec(query string, args ...any) (driver.Result, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), c.bind(args))
}

// script runs several statements without arguments, not to be kept.
func (c *conn) script(text string) error {
	s, err := c.handle.Prepare(text)
	if err != nil {
		return err
	}
	_, err = s.(statement).ExecContext(context.Background(), nil)
	return errors.Join(err, s.Close())
}

// bind converts arguments into the connection's own buffer. The driver copies
// them before it returns.
func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		switch v := a.(type) {
		case int:
			a = int64(v)
		case []byte:
			if v == nil {
				a = nil
			}
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// row is one row of a result, valid until the next.
type row []driver.Value

func (r row) int(i int) int64 { v, _ := r[i].(int64); return v }
func (r row) text(i int) string {
	switch v := r[i].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// blob is nil for NULL. The bytes are the caller's.
func (r row) blob(i int) []byte {
	switch v := r[i].(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

// each calls f for every row of a query until f fails.
func (c *conn) each(f func(row) error, query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	defer rows.Close()
	r := make(row, len(rows.Columns()))
	for {
		if err := rows.Next(r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
	}
}

// one calls f for the first row of a query and says whether there was one.
func (c *conn) one(f func(row), query string, args ...any) (bool, error) {
	found := false
	err := c.each(func(r row) error {
		if !found {
			found = true
			f(r)
		}
		return nil
	}, query, args...)
	return found, err
}

// number answers a query for one number, 0 when there is no row.
func (c *conn) number(query string, args ...any) (int64, error) {
	var n int64
	_, err := c.one(func(r row) { n = r.int(0) }, query, args...)
	return n, err
}
