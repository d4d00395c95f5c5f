// Command release makes what a machine is given: for each system that the agent runs on an archive or packages, a bill
// of materials beside each program, and the SHA-256 of everything.
//
//	shelf-agent_<version>_<arch>.deb           Debian, Ubuntu, Raspberry Pi OS: amd64, arm64, armhf
//	shelf-agent-<version>-1.<arch>.rpm         Fedora, RHEL, SUSE: x86_64, aarch64, armv7hl
//	shelf-agent_<version>_windows_amd64.zip    the program, the reference configuration, the README, licences
//	shelf-agent_<version>_darwin_arm64.tar.gz  the same
//	shelf-agent_<version>_<os>_<arch>.cdx.json the Go modules in the program, in CycloneDX, read from the program itself
//	SHA256SUMS                                 of all of them; sha256sum --check reads it
//
// What goes into the packages, and where, is packaging/nfpm.yaml; what they do when they come and go, packaging/deb and
// packaging/rpm.
//
// # Promises
//
//  1. The same source, version, Go and tools give the same bytes, whoever builds them, where and when: nothing in them
//     is the builder's folder, umask, time, time zone, locale, name or machine. SOURCE_DATE_EPOCH is the time of all
//     files; without it, the last commit's.
//  2. A release is whole: everything is made in a folder beside dist/, which takes its place at the end.
//  3. What is shipped is stripped, without cgo, says its version, and has 20 MiB at most.
//
// # Limits
//
// Nothing is signed: whoever publishes a release signs SHA256SUMS, or the packages in a repository. The programs for
// Windows and macOS carry no signature either, and these systems say so when a person starts them. Without
// VERSION the version is that of a snapshot, which is older than every release to dpkg and rpm.
package main
