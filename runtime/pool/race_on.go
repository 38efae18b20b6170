//go:build race

package pool

// slowdown is how much longer a trial may take in a binary that looks for races.
const slowdown = 3
