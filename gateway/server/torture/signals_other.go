//go:build !unix

package torture

// Processes cannot be stopped here: that fault is left out.
func suspend(int) bool { return false }

func proceed(int) {}
