//go:build !cgo

package worker

const cgoEnabled = false
