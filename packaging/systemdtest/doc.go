// Package systemdtest lets the package live on a real Debian 12 with a real systemd: installed in the README's own
// words, enrolled, killed, rebooted, cut from power, upgraded, with a full disk, removed and purged, while cameras film.
// Outside stand a real backend and a real S3 server. After each the bucket holds every frame exactly once. It holds tests
// only; `make test-systemd` runs them.
//
// # How
//
// debootstrap makes the Debian once, in .cache; each run works on a copy. systemd-nspawn boots it (from Debian's
// systemd-container, unpacked and not installed), inside network, mount and process namespaces of the test's own: the
// machine sees one process with children, and when that ends, however it ends, everything is gone. Backend and S3 have
// addresses and names in that network; the rig trusts their authority as a company's machines do, so that its
// configuration differs from the shipped one in the two lines that everybody has to edit. The agent's state is on a small
// disk of its own, a file with ext4.
//
// # Limits
//
//   - It needs root, Debian's tools and a Debian mirror. What is missing is said aloud, as SKIPPED; the Makefile installs
//     what it can.
//   - A container's power cut is SIGKILL for everything in it at once; the kernel and its unwritten pages live on. What a
//     disk forgets is for queue/powercut.
//   - Where the machine's control groups are of version 1, MemoryMax= is not enforced; IPAddressDeny= never is.
package systemdtest
