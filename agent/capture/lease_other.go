//go:build !linux

package capture

import "os"

// takeLease cannot tell here: only Linux has leases. Keeping still for Settle decides.
func takeLease(*os.File) leaseAnswer { return leaseUnsure }

func leaseKept(*os.File) bool { return true }

func giveLease(*os.File) {}
