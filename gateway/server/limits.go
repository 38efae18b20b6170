package server

import (
	"log/slog"
	"time"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/sqlite"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/ws"
	"github.com/tendril-run/tendril/runtime"
)

// Size is a number of bytes.
type Size int64

// Limits are what a server enforces, each by the name under which it is
// configured. The zero value is not usable; start from DefaultLimits.
type Limits struct {
	// What a connection may send, and when.
	Frame         Size          `name:"frame"`          // one message
	Fragments     int           `name:"fragments"`      // of a message
	Depth         int           `name:"json_depth"`     // of JSON
	Nodes         int           `name:"json_nodes"`     // of JSON
	Ping          time.Duration `name:"ping"`           // between two pings
	ReadDeadline  time.Duration `name:"read_deadline"`  // without any inbound frame
	WriteDeadline time.Duration `name:"write_deadline"` // of one write
	MessageTime   time.Duration `name:"message_time"`   // from the first to the last fragment
	HelloTime     time.Duration `name:"hello_time"`     // until $hello

	// What one event may use.
	CPU        time.Duration `name:"event_cpu"`
	Wall       time.Duration `name:"event_wall"` // waits included
	LogLines   int           `name:"event_log_lines"`
	LogBytes   Size          `name:"event_log_bytes"`
	KVWrites   int           `name:"event_kv_writes"`
	Sends      int           `name:"event_sends"`
	Operations int           `name:"event_operations"` // timers and requests at once
	Command    Size          `name:"command_size"`
	Memory     Size          `name:"worker_memory"` // of a worker, over what it needs itself

	// What one device may hold.
	KVKey          Size          `name:"kv_key_size"`
	KVValue        Size          `name:"kv_value_size"`
	KVKeys         int           `name:"kv_keys"`
	KVBytes        Size          `name:"kv_bytes"`
	MailboxEvents  int           `name:"mailbox_events"`
	MailboxBytes   Size          `name:"mailbox_bytes"`
	OutboxCommands int           `name:"outbox_commands"`
	OutboxBytes    Size          `name:"outbox_bytes"`
	CommandTTL     time.Duration `name:"command_ttl"`
	CommandTTLMax  time.Duration `name:"command_ttl_max"`
	AckWindow      int           `name:"ack_window"` // commands sent and not acknowledged
	AckTime        time.Duration `name:"ack_time"`   // of the oldest of them
	IDs            int           `name:"id_window"`  // message ids remembered
	IDAge          time.Duration `name:"id_age"`     // and for how long at least

	// What the disk and the memory of the whole server may hold.
	Database    Size          `name:"database_size"` // of the main file, 0 is all there is
	LogAge      time.Duration `name:"log_age"`
	LogTotal    Size          `name:"log_total"`
	LogProject  Size          `name:"log_project"` // of one project
	LogFile     Size          `name:"log_file_size"`
	LogFileAge  time.Duration `name:"log_file_age"`
	StateMemory Size          `name:"state_memory"` // of states kept between events
}

// DefaultLimits are those of a server that configures none.
func DefaultLimits() Limits {
	w, e, b := wire.DefaultLimits(), runtime.DefaultLimits(), dispatch.DefaultBounds()
	return Limits{
		Frame: Size(w.Frame), Fragments: ws.MaxFragments, Depth: w.Depth, Nodes: w.Nodes,
		Ping: w.Ping, ReadDeadline: w.Idle, WriteDeadline: ws.WriteTime, MessageTime: ws.MessageTime, HelloTime: w.HelloAfter,

		CPU: e.CPU, Wall: e.Wall, LogLines: e.LogLines, LogBytes: Size(e.LogBytes),
		KVWrites: e.KVWrites, Sends: e.Sends, Operations: e.Operations, Command: Size(e.Command), Memory: 128 << 20,

		KVKey: Size(e.KVKey), KVValue: Size(e.KVValue), KVKeys: b.KVKeys, KVBytes: Size(b.KVBytes),
		MailboxEvents: b.MailboxEvents, MailboxBytes: Size(b.MailboxBytes),
		OutboxCommands: b.OutboxCommands, OutboxBytes: Size(b.OutboxBytes),
		CommandTTL: b.CommandTTL, CommandTTLMax: b.CommandTTLMax,
		AckWindow: b.AckWindow, AckTime: b.AckWait, IDs: b.IDs, IDAge: b.IDAge,

		LogAge: 7 * 24 * time.Hour, LogTotal: 10 << 30, LogProject: 1 << 30,
		LogFile: 64 << 20, LogFileAge: 6 * time.Hour, StateMemory: Size(b.StateCache),
	}
}

func (l *Limits) wire() wire.Limits {
	return wire.Limits{
		Frame: int(l.Frame), Depth: l.Depth, Nodes: l.Nodes, Window: l.AckWindow,
		Ping: l.Ping, Idle: l.ReadDeadline, HelloAfter: l.HelloTime,
	}
}

func (l *Limits) event() runtime.Limits {
	return runtime.Limits{
		CPU: l.CPU, Wall: l.Wall, LogLines: l.LogLines, LogBytes: int(l.LogBytes), KVWrites: l.KVWrites, Sends: l.Sends,
		Operations: l.Operations, KVKey: int(l.KVKey), KVValue: int(l.KVValue), Command: int(l.Command), Depth: l.Depth, Nodes: l.Nodes,
	}
}

func (l *Limits) device() dispatch.Bounds {
	return dispatch.Bounds{
		MailboxEvents: l.MailboxEvents, MailboxBytes: int(l.MailboxBytes), KVKeys: l.KVKeys, KVBytes: int(l.KVBytes),
		OutboxCommands: l.OutboxCommands, OutboxBytes: int(l.OutboxBytes), CommandTTL: l.CommandTTL, CommandTTLMax: l.CommandTTLMax,
		AckWindow: l.AckWindow, AckWait: l.AckTime, IDs: l.IDs, IDAge: l.IDAge, StateCache: int(l.StateMemory),
	}
}

func (l *Limits) storage(log *slog.Logger) sqlite.Options {
	return sqlite.Options{
		Logger: log, MaxSize: int64(l.Database), LogAge: l.LogAge, LogTotal: int64(l.LogTotal), LogProject: int64(l.LogProject),
		LogFileSize: int64(l.LogFile), LogFileAge: l.LogFileAge,
	}
}
