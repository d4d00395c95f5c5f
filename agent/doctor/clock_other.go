//go:build !linux

package doctor

// clockKept is only known on Linux.
func clockKept() (kept, known bool) { return false, false }
