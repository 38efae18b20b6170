package dispatch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
)

// ErrPrecondition says that a key does not have the value that a conditional
// write expects.
var ErrPrecondition = errors.New("the key has another value")

// Condition guards a write of a key by what is there. The zero Condition holds
// always.
type Condition struct {
	Absent  bool     // the key must not be there
	Present bool     // the key must be there
	Tags    []string // the key must be there with one of these entity tags
}

// holds judges a condition; value is nil for a missing key.
func (c Condition) holds(value []byte) bool {
	switch {
	case c.Absent:
		return value == nil
	case len(c.Tags) > 0:
		return value != nil && slices.Contains(c.Tags, ETag(value))
	case c.Present:
		return value != nil
	}
	return true
}

// ETag is the entity tag of a JSON value, without quotes: the SHA-256 of its
// canonical text. Values that are equal in a script have the same tag: the order
// of members, white space and the spelling of numbers do not matter.
func ETag(value []byte) string {
	canonical := value
	var decoded any
	if json.Unmarshal(value, &decoded) == nil {
		if text, err := json.Marshal(decoded); err == nil { // sorts members
			canonical = text
		}
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
