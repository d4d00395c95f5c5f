package s3test

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel kill the server when the test is killed and cannot clean up.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
