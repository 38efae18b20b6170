package sqlite

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/tendril-run/tendril/gateway/logs"
)

// cursor writes a log id as opaque text. Its checksum covers this database's own
// id, so that a cursor of another server is recognised.
func (d *DB) cursor(id int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(id))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, d.cursorSum(b)))
}

// parseCursor is the reverse. Error: logs.ErrCursor.
func (d *DB) parseCursor(text string) (int64, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 12 || binary.BigEndian.Uint32(b[8:]) != d.cursorSum(b[:8]) {
		return 0, logs.ErrCursor
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

func (d *DB) cursorSum(id []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(d.store)), crc32.IEEETable, id)
}
