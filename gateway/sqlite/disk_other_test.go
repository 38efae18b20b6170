//go:build !linux

package sqlite

import "errors"

func brokenDisk(string) error { return errors.New("there is no such disk here") }
