package api

import (
	"context"
	"encoding/json"

	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

func (s *service) readLogs(ctx context.Context, in *struct {
	InDevice
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" doc:"rows behind this one"`
	Since  int64  `query:"since" minimum:"0" doc:"epoch milliseconds"`
	Level  string `query:"level" enum:"debug,info,warn,error" doc:"the least level"`
},
) (*result[LogPage], error) {
	key, err := s.findKey(ctx, in.InDevice)
	if err != nil {
		return nil, err
	}
	if _, err := s.Devices.Device(ctx, key); err != nil {
		return nil, err
	}
	found, err := s.Logs.Logs(ctx, logs.Query{
		Device: key, Cursor: in.Cursor, Since: in.Since, Level: runtime.Level(in.Level), Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return &result[LogPage]{LogPage{Items: each(found.Rows, showRow), Cursor: found.Cursor}}, nil
}

// showRow gives a row without fields an empty object of them.
func showRow(r logs.Row) logs.Row {
	if len(r.Fields) == 0 {
		r.Fields = json.RawMessage("{}")
	}
	return r
}
