package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

const counted = 200 // commits of a counter

// closeReaders leaves the writer alone with the file.
func closeReaders(d *DB) (err error) {
	for range maxReaders {
		if c := <-d.readers.slots; c != nil {
			err = errors.Join(err, c.close())
		}
		d.readers.slots <- nil
	}
	return err
}

// counter commits the numbers from 1 on for one device, one after the other, and
// prints what became of each. A number that failed is tried again after the state
// was loaded: it must be the last one that was acknowledged.
func counter(dir string) error {
	ctx := context.Background()
	d, err := Open(ctx, dir, Options{})
	if err != nil {
		return err
	}
	p, err := d.Project(ctx, "default", "plant")
	if err != nil {
		return err
	}
	key := device.Key{Project: p.ID, ID: "d"}
	for acked := 0; acked < counted; {
		state, rev, err := d.Load(ctx, key, d.Epoch())
		if err != nil {
			fmt.Println("load failed:", err)
			continue
		}
		stored := 0
		for _, kv := range state.KV {
			fmt.Sscan(string(kv.Value), &stored)
		}
		if stored != acked {
			return fmt.Errorf("%d was acknowledged last, %d is stored", acked, stored)
		}
		if err := closeReaders(d); err != nil {
			return err
		}
		for o := (&owned{d, key, rev}); acked < counted; acked++ {
			if err := o.commit(dispatch.Change{KV: put("last", fmt.Sprint(acked+1))}); err != nil {
				fmt.Println("commit failed:", err)
				break
			}
			fmt.Println("acknowledged", acked+1)
		}
	}
	fmt.Println("reopened", d.Stats().Reopened)
	if err := d.Close(); err != nil { // nothing that was acknowledged depends on it
		fmt.Println("close failed:", err)
	}
	return nil
}
