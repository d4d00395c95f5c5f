package support

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// programTimeout ends a program that is asked.
const programTimeout = 10 * time.Second

// readSome reads a file, and no more than so much of it.
func readSome(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, most))
}

// run asks one of the system's programs.
func run(ctx context.Context, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // a fixed list of the system's own
	cmd.WaitDelay = time.Second
	var said, complaint limited
	cmd.Stdout, cmd.Stderr = &said, &complaint
	err := cmd.Run()
	if err != nil && len(complaint.text) > 0 {
		err = errors.New(strings.TrimSpace(string(tail(complaint.text, 300))))
	}
	return said.text, err
}

// limited keeps the end of what a program says.
type limited struct{ text []byte }

func (l *limited) Write(p []byte) (int, error) {
	l.text = append(l.text, p...)
	if len(l.text) > 2*maxText {
		l.text = slices.Clone(tail(l.text, maxText))
	}
	return len(p), nil
}

// machine is what runs here, and on what.
func machine(version string) Part {
	p := Part{Name: "machine.txt", About: "Versions of the agent, of Go, of the kernel and the system; memory; names of environment variables."}
	var out strings.Builder
	fmt.Fprintf(&out, "shelf-agent %s\n%s %s/%s, %d processors\n\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, file := range []string{"/proc/version", "/etc/os-release", "/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/sys/fs/cgroup/memory.max", "/etc/timezone"} {
		if text, err := readSome(file, 8<<10); err == nil {
			fmt.Fprintf(&out, "%s:\n%s\n", file, strings.TrimSpace(string(text))+"\n")
		}
	}
	fmt.Fprintf(&out, "environment variables of this command, without their values:\n%s\n\n", strings.Join(environment(), " "))
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprintf(&out, "build:\n%s", info)
	}
	p.Text = []byte(out.String())
	return p
}

func environment() []string {
	var names []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
