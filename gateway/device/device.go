// Package device names devices and describes them.
//
// It knows nothing of connections, scripts or storage.
package device

import (
	"errors"
	"fmt"
)

// MaxID is the longest device id, in bytes.
const MaxID = 64

// ErrID is returned for a text that is no device id.
var ErrID = errors.New("invalid device id: 1 to 64 letters, digits, - or _")

// Key names one device of the whole server. Project is the project's internal
// id, never its slug. The zero Key names nothing.
type Key struct {
	Project string
	ID      string
}

func (k Key) String() string { return k.Project + "/" + k.ID }

// ParseID checks a device id as it comes from outside: ^[A-Za-z0-9_-]{1,64}$,
// which also keeps wildcards and separators of message buses out.
func ParseID(s string) (string, error) {
	if len(s) == 0 || len(s) > MaxID {
		return "", ErrID
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return "", fmt.Errorf("%w: character %d", ErrID, i+1)
		}
	}
	return s, nil
}

// Device is a thing in the field as the server knows it. Times are epoch
// milliseconds; 0 is never.
type Device struct {
	Row       int64 // the opaque id that REST shows as "id"
	Key       Key
	Script    string // name of the script it runs
	CreatedAt int64
	LastSeen  int64
	Metadata  []byte // JSON object text from its last hello, or nil
}
