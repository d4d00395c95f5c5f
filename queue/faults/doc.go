// Package faults makes system calls fail, or ends the process that makes them, at a chosen one.
//
// It is the rig of the queue's fault tests; nothing else imports it. A process under test runs as it is, with all its
// threads and with the libraries that it uses: what fails is the system call itself, so that no seam in the code is
// needed, and none can be forgotten.
//
// # How
//
// The process under test calls Submit before it does anything else. That installs a seccomp filter for all of its
// threads (SECCOMP_RET_USER_NOTIF) and hands the filter's listener to the process that started it, through a socket.
// From then on every system call that opens, creates, writes, syncs, renames, removes, resizes, locks or maps a file
// stops until Run.Do has seen it. Run.Do looks up which files the call names, in the memory of the stopped thread and in
// /proc, and lets it go on unless one of them is below Run.Dir. Those that are get numbers, from 1, over all threads in
// the order in which they arrive, and at the chosen number the Fault happens:
//
//   - KillBefore: the process gets SIGKILL; the call is not made.
//   - KillAfter: the call is made, here, on behalf of the process, which is then killed before it learns the outcome.
//   - KillTorn: of a write, half is made. A kill does that in truth where a write is longer than a page.
//   - Fail: the call is not made, and the process is told an errno instead; once, or from then on.
//
// Tell is how the process under test speaks back, in step with its calls: it lifts a fault.
//
// What a process prints before it is killed is not lost: Outcome.Stdout has every line that it finished.
//
// # What this can and cannot show
//
// A killed process leaves the kernel's page cache behind: what was written is there whether it was synced or not. So this
// finds wrong orders of steps, missing recovery, and wrong answers to errors, but never a missing fsync. That takes
// a power cut.
//
// With several threads the order of calls differs from run to run, so that number n is not the same call each time.
// All numbers of a run, tried in turn, still come by every place; Outcome.Hit says which call it was.
//
// close is left alone: Linux gives the descriptor back whatever close returns, which an answer in its place would not.
// Reading is left alone too, and so is what is changed through a mapping; bbolt maps for reading only.
//
// # What it needs
//
// Linux 5.7 on amd64 or arm64, no privileges. Where the kernel, or a container's own filter, does not allow it, Run.Do
// returns ErrUnsupported with the reason.
package faults
