package sqlite

import (
	"encoding/json"

	"github.com/tendril-run/tendril/gateway/logs"
)

// insertOutcome adds the outcome row of a record to the main file.
func insertOutcome(c *conn, device int64, rec *logs.Record, id int64) error {
	var text []byte
	if rec.Error != nil {
		var err error
		if text, err = json.Marshal(rec.Error); err != nil {
			return err
		}
	}
	_, err := c.exec(`INSERT INTO outcomes (id, device, time, script, version, event_id, kind, lines, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, device, rec.At, rec.Script, rec.Version, rec.EventID, string(rec.Kind), len(rec.Lines), text)
	return err
}
