package server

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// ErrLimit is returned for a limit that is not known, or for a text that is no
// value of it.
var ErrLimit = errors.New("invalid limit")

// optional are the limits that 0 turns off.
var optional = [...]string{"database_size"}

// Limit is one of Limits as it is told: Value is a number, or a text such as
// "64KiB" or "30s" that Set takes back.
type Limit struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Default says that it is as it would be without any configuration.
	Default bool `json:"default"`
}

// Named lists all limits, in the order of their declaration.
func (l *Limits) Named() []Limit {
	standard := reflect.ValueOf(DefaultLimits())
	v := reflect.ValueOf(*l)
	list := make([]Limit, v.NumField())
	for i := range list {
		list[i] = Limit{
			Name: v.Type().Field(i).Tag.Get("name"), Value: show(v.Field(i).Interface()),
			Default: v.Field(i).Interface() == standard.Field(i).Interface(),
		}
	}
	return list
}

// Set changes a limit by its name. Sizes take B, KiB, MiB and GiB, times what
// time.ParseDuration takes and days such as 7d. Error: ErrLimit.
func (l *Limits) Set(name, text string) error {
	v := reflect.ValueOf(l).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("name") != name {
			continue
		}
		if err := set(v.Field(i), strings.TrimSpace(text)); err != nil {
			return fmt.Errorf("%w %s: %w", ErrLimit, name, err)
		}
		if v.Field(i).Int() == 0 && name != optional[0] {
			return fmt.Errorf("%w %s: it must be more than 0", ErrLimit, name)
		}
		return nil
	}
	return fmt.Errorf("%w: there is none with the name %q", ErrLimit, name)
}

func set(field reflect.Value, text string) error {
	var n int64
	var err error
	switch field.Interface().(type) {
	case Size:
		n, err = parseSize(text)
	case time.Duration:
		var d time.Duration
		d, err = parseTime(text)
		n = int64(d)
	default:
		if n, err = strconv.ParseInt(text, 10, 32); err != nil {
			err = fmt.Errorf("%q is no number", text)
		}
	}
	if err == nil && n < 0 {
		err = fmt.Errorf("%q is negative", text)
	}
	if err == nil {
		field.SetInt(n)
	}
	return err
}

// units of sizes, the largest first.
var units = [...]struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func parseSize(text string) (int64, error) {
	for _, u := range units {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
			if err != nil || n > (1<<62)/u.bytes {
				break
			}
			return n * u.bytes, nil
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	return 0, fmt.Errorf("%q is no size such as 64KiB", text)
}

func parseTime(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time such as 30s", text)
	}
	return d, nil
}

// show writes a value as Set takes it.
func show(value any) string {
	switch v := value.(type) {
	case Size:
		for _, u := range units {
			if v != 0 && int64(v)%u.bytes == 0 {
				return strconv.FormatInt(int64(v)/u.bytes, 10) + u.name
			}
		}
		return "0"
	case time.Duration:
		text := v.String()
		if s, ok := strings.CutSuffix(text, "m0s"); ok {
			text = s + "m"
		}
		if s, ok := strings.CutSuffix(text, "h0m"); ok {
			text = s + "h"
		}
		return text
	}
	return fmt.Sprint(value)
}

// check refuses limits that cannot hold together.
func (l *Limits) check() error {
	for _, pair := range []struct {
		small, large string
		wrong        bool
	}{
		{"ping", "read_deadline", l.Ping >= l.ReadDeadline},
		{"command_ttl", "command_ttl_max", l.CommandTTL > l.CommandTTLMax},
		{"event_cpu", "event_wall", l.CPU > l.Wall},
		{"kv_value_size", "kv_bytes", l.KVValue > l.KVBytes},
		{"command_size", "outbox_bytes", l.Command > l.OutboxBytes},
		{"frame", "mailbox_bytes", l.Frame > l.MailboxBytes},
	} {
		if pair.wrong {
			return fmt.Errorf("%w: %s is more than %s allows", ErrLimit, pair.small, pair.large)
		}
	}
	return nil
}

// complete puts the defaults where nothing was configured.
func (l *Limits) complete() error {
	*l = cmp.Or(*l, DefaultLimits())
	return l.check()
}
