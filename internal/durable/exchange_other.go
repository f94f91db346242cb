//go:build !linux

package durable

import "errors"

// exchange swaps the names of two files or folders in one step; not here.
func exchange(a, b string) error { return errors.ErrUnsupported }
