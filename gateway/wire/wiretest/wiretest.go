// Package wiretest holds what every codec of objects with the native envelope has
// to do, whatever its bytes look like.
//
// It knows no dialect: a Peer writes and reads the frames of the one under test.
package wiretest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Peer is the device's side of a dialect, in terms of JSON object text.
type Peer interface {
	Frame(object string) wire.Frame
	Object(f wire.Frame) (string, error)
}

// Run plays the suite against a dialect.
func Run(t *testing.T, d wire.Dialect, p Peer) {
	s := suite{d, p}
	t.Run("decodes", s.decodes)
	t.Run("refuses", s.refuses)
	t.Run("encodes", s.encodes)
	t.Run("appends", s.appends)
	t.Run("leaves frames alone", s.leavesFramesAlone)
	t.Run("survives damage", s.survivesDamage)
	t.Run("serves a reader and a writer", s.servesReaderAndWriter)
}

type suite struct {
	d wire.Dialect
	p Peer
}

func (s suite) codec() wire.Codec { return s.d.New(wire.DefaultLimits()) }

// same compares two JSON texts, numbers by their text.
func same(a, b string) bool {
	return reflect.DeepEqual(parse(a), parse(b))
}

func parse(text string) any {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err.Error() + " in " + text
	}
	return v
}

// damaged calls visit with copies of the frame, each cut short or with one byte
// changed.
func damaged(f wire.Frame, visit func(wire.Frame)) {
	for i := range f.Data {
		visit(wire.Frame{Binary: f.Binary, Data: bytes.Clone(f.Data[:i])})
		for _, flip := range []byte{0x01, 0x20, 0x80, 0xff} {
			data := bytes.Clone(f.Data)
			data[i] ^= flip
			visit(wire.Frame{Binary: f.Binary, Data: data})
		}
	}
}
