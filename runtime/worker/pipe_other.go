//go:build !unix

package worker

import "io"

func pollable(r io.Reader) io.Reader { return r }
