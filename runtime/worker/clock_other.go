//go:build !linux

package worker

import "time"

// hasClock says that a thread's CPU time can be read by another thread. Without,
// a quarter of the wall time stands for it: every limit of a turn is four times
// as long on the wall.
const hasClock = false

var epoch = time.Now()

func thread() int { return 1 }

func cpuOf(int) time.Duration { return time.Since(epoch) / 4 }

func ownCPU() time.Duration { return time.Since(epoch) / 4 }
