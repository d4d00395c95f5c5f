//go:build !linux || !(amd64 || arm64)

package e2e

import (
	"os"
	"testing"
	"time"
)

// clock is the machine's own here: how a program's time can be made wrong is only known on Linux.
type clock struct{}

func becomeClocked() {}

func (*clock) jump(time.Duration) {}

func (*clock) start(t testing.TB, log *os.File, env []string, program string, args ...string) *process {
	t.Helper()
	return startTo(t, log, env, program, args...)
}
