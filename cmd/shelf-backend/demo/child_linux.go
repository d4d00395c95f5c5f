package demo

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from the agent, which the demo stops itself, and ends the agent if the
// demo is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
