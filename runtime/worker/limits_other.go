//go:build !linux

package worker

// limitData has no counterpart here: the heap watch and the gateway remain.
func limitData(uint64) {}

func limitRest() {}
