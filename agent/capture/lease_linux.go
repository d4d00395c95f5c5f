package capture

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// takeLease asks for a read lease. While it is held, opening the file for writing blocks (for lease-break-time, 45 s, at
// most), so callers hold it for moments only. Breaking one sends SIGIO to the process, which Go's runtime ignores unless
// the program asks for it with signal.Notify. See fcntl(2), "Leases".
func takeLease(f *os.File) leaseAnswer {
	if !leasesTell(f) {
		return leaseUnsure
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case err == nil:
		return leaseTaken
	case errors.Is(err, unix.EAGAIN):
		return leaseBusy
	default:
		return leaseUnsure
	}
}

// leaseKept says whether a lease that was taken still stands; not if a writer is waiting in open(2) for us to give it
// back.
func leaseKept(f *os.File) bool {
	kind, err := unix.FcntlInt(f.Fd(), unix.F_GETLEASE, 0)
	return err == nil && kind == unix.F_RDLCK
}

func giveLease(f *os.File) {
	// An error changes nothing: the lease ends with the descriptor anyway.
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
}

// leasesTell is false on file systems whose writers may be on another machine or behind another kernel. There a
// granted lease says nothing about them, and EAGAIN can merely mean that the server granted no delegation.
func leasesTell(f *os.File) bool {
	var fs unix.Statfs_t
	if err := uninterrupted(func() error { return unix.Fstatfs(int(f.Fd()), &fs) }); err != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC,
		unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC,
		0x01161970, // GFS2, which golang.org/x/sys does not name
		0x786f4256: // VirtualBox shared folders, likewise
		return false
	}
	return true
}
