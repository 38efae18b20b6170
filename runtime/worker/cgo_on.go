//go:build cgo

package worker

const cgoEnabled = true
