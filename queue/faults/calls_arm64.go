//go:build linux

package faults

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// legacyRules: this architecture has none of the older calls.
func legacyRules() []rule { return nil }
