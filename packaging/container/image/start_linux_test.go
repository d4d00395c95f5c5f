package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// starts runs the program in the image's own file system, as the image's user: what an engine does, without one.
func starts(t *testing.T, root string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: starting the program in the image: that needs root")
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/shelf-backend", "lambda")
	cmd.Dir, cmd.Env = "/", []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "SHELF_BACKEND_MODE=pipeline"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "SHELF_PIPELINE_BUCKET") {
		t.Errorf("%v: %s", err, out)
	}
}
