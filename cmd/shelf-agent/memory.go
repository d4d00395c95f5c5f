package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// respectMemoryLimit tells the garbage collector about the limit of the control group, such as the unit's MemoryMax:
// left to itself it would let the heap double, and the kernel end the agent in the middle of a large picture. A
// GOMEMLIMIT in the environment has precedence.
func respectMemoryLimit(root string) int64 {
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	limit := memoryLimit(root)
	if limit == 0 {
		return 0
	}
	// What is not heap, the mapped database among it, needs room too.
	limit = limit / 10 * 8
	debug.SetMemoryLimit(limit)
	return limit
}

// memoryLimit is the least limit on the way from this process's control group (cgroups(7), version 2) to the root, in
// bytes; 0 when there is none. root is "/" but in tests.
func memoryLimit(root string) int64 {
	raw, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	group, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), "0::")
	if !ok {
		return 0
	}
	least := int64(math.MaxInt64)
	for at := filepath.Clean("/" + group); ; at = filepath.Dir(at) {
		raw, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup", at, "memory.max"))
		if err == nil {
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && limit > 0 {
				least = min(least, limit)
			}
		}
		if at == "/" {
			break
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}
