package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
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

// memoryLimit is the least limit on the way from this process's control groups (cgroups(7)) to their roots, in bytes; 0
// when there is none. Where both versions are mounted, memory belongs to one of them. root is "/" but in tests.
func memoryLimit(root string) int64 {
	raw, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(raw)) {
		// hierarchy:controllers:group
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(fields) != 3:
		case fields[0] == "0" && fields[1] == "":
			least = min(least, leastLimit(filepath.Join(root, "sys/fs/cgroup"), fields[2], "memory.max"))
		case slices.Contains(strings.Split(fields[1], ","), "memory"):
			least = min(least, leastLimit(filepath.Join(root, "sys/fs/cgroup/memory"), fields[2], "memory.limit_in_bytes"))
		}
	}
	if least >= noLimit {
		return 0
	}
	return least
}

// noLimit is less than what version 1 writes where there is none: the largest number of whole pages.
const noLimit = math.MaxInt64 / 2

// leastLimit reads the file of a group and of all above it.
func leastLimit(hierarchy, group, file string) int64 {
	least := int64(math.MaxInt64)
	for at := filepath.Clean("/" + group); ; at = filepath.Dir(at) {
		raw, err := os.ReadFile(filepath.Join(hierarchy, at, file))
		if err == nil {
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && limit > 0 {
				least = min(least, limit)
			}
		}
		if at == "/" {
			return least
		}
	}
}
