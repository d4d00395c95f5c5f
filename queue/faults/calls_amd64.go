//go:build linux

package faults

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// legacyRules are the calls that newer architectures have left out.
func legacyRules() []rule {
	creat := onPaths("creat", unix.SYS_CREAT, Create, operand{-1, 0})
	return []rule{
		{name: "open", nr: unix.SYS_OPEN, files: []operand{{-1, 0}}, flags: 1},
		creat,
		onPaths("rename", unix.SYS_RENAME, Rename, operand{-1, 0}, operand{-1, 1}),
		onPaths("unlink", unix.SYS_UNLINK, Unlink, operand{-1, 0}),
		onPaths("rmdir", unix.SYS_RMDIR, Unlink, operand{-1, 0}),
		onPaths("mkdir", unix.SYS_MKDIR, Mkdir, operand{-1, 0}),
		onPaths("link", unix.SYS_LINK, Create, operand{-1, 0}, operand{-1, 1}),
	}
}
