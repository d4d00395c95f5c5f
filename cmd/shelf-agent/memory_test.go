package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestMemoryLimitOfTheControlGroup(t *testing.T) {
	for _, tc := range []struct {
		story  string
		group  string
		limits map[string]string
		want   int64
	}{
		{"the unit's own", "0::/system.slice/shelf-agent.service\n", map[string]string{"system.slice/shelf-agent.service": "402653184\n"}, 402653184},
		{"a slice above is narrower", "0::/a/b\n", map[string]string{"a": "1000000\n", "a/b": "5000000\n"}, 1000000},
		{"no limit", "0::/a\n", map[string]string{"a": "max\n"}, 0},
		{"no control group", "", nil, 0},
		{"version 1", "12:cpu,memory:/a\n3:freezer:/b\n", map[string]string{"memory/a": "1000000\n", "memory/b": "5\n", "a": "5\n"}, 1000000},
		{"version 1, limited above", "12:memory:/a/b\n", map[string]string{"memory/a": "1000000\n", "memory/a/b": "9223372036854771712\n"}, 1000000},
		{"version 1 without a limit", "12:memory:/a\n", map[string]string{"memory/a": "9223372036854771712\n"}, 0},
		{"both versions", "12:memory:/a\n0::/c\n", map[string]string{"memory/a": "1000000\n", "c": "max\n"}, 1000000},
	} {
		root := t.TempDir()
		write := func(name, text string) {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("proc/self/cgroup", tc.group)
		for group, limit := range tc.limits {
			write(filepath.Join("sys/fs/cgroup", group, "memory.max"), limit)
			write(filepath.Join("sys/fs/cgroup", group, "memory.limit_in_bytes"), limit)
		}
		if got := memoryLimit(root); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.story, got, tc.want)
		}
		t.Setenv("GOMEMLIMIT", "")
		if got := respectMemoryLimit(root); got != tc.want/10*8 {
			t.Errorf("%s: the collector is told %d", tc.story, got)
		}
	}
	debug.SetMemoryLimit(math.MaxInt64)
}
