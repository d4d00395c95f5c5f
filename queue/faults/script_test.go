//go:build linux && (amd64 || arm64)

package faults

func script(dir string) {}
