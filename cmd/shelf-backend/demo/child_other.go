//go:build !linux

package demo

import "syscall"

// ownGroup has nothing to say where the system cannot end a child with its parent.
func ownGroup() *syscall.SysProcAttr { return nil }
