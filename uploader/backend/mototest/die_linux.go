package mototest

import "syscall"

// dieWithParent lets the kernel kill the server when the test is killed and cannot clean up.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
