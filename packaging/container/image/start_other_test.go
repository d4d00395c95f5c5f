//go:build !linux

package main

import "testing"

func starts(t *testing.T, _ string) {
	t.Skip("SKIPPED: starting the program in the image: that needs Linux")
}
