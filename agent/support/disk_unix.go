//go:build unix

package support

import (
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// room says what is free, in bytes and in files.
func room(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return err.Error()
	}
	size := uint64(s.Bsize)
	return fmt.Sprintf("%d MB free of %d MB, %d files can be made of %d", s.Bavail*size/1e6, s.Blocks*size/1e6, s.Ffree, s.Files)
}

func owner(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "owner unknown"
	}
	return fmt.Sprintf("user %d, group %d", s.Uid, s.Gid)
}
