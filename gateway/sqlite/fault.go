package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// ErrDamaged says that a file is not as it was written: its header, or the
// structure of a page. Nothing more is read from it; a backup, or what doctor can
// tell, is the way on.
var ErrDamaged = errors.New("the database is damaged")

// classify names the conditions that callers branch on: a full disk, a damaged
// file, and every other failure of the file or the device. What is the fault of a
// statement stays as it is.
func classify(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || !broken(e) || errors.Is(err, dispatch.ErrFull) ||
		errors.Is(err, ErrDamaged) || errors.Is(err, dispatch.ErrUnavailable) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", dispatch.ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: another program has locked the database: %w", dispatch.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", dispatch.ErrUnavailable, err)
}

// broken says that an error is of the file or the device, not of a statement.
func broken(e *sqlite.Error) bool {
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_ERROR:
		return false
	}
	return true
}

// harmless says that after an error of the file a rollback is enough: nothing
// reached the disk that would be in doubt.
func harmless(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return true
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_BUSY
}

// noTransaction recognises the answer to a ROLLBACK after SQLite itself has
// rolled back.
func noTransaction(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_ERROR
}
