//go:build unix

package main

import "syscall"

// leaveNoCore forbids a core of this process, which would hold the device key; wherever it runs, as the unit does for the
// service.
func leaveNoCore() error { return syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
