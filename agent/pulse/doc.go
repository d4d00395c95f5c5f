// Package pulse tells whether the agent's loops still turn.
//
// Each loop says at every turn within what time it will be heard from again: when it wakes by itself while it has nothing
// to do, the longest that a step may take while it works, or never, while it waits for what others do. A loop that does not keep
// its word is late: it hangs in a system call, waits for a lock that nobody gives back, or runs in circles within one
// step. What is done about that is the business of others; a watchdog that barks whatever the loops do would only say
// that the process is there.
//
// # Promises
//
//  1. A loop that hangs is named from the moment on at which it should have been heard from, and no longer than it hangs.
//  2. A loop that waits is never late. No clock that is set, forward or back, makes one late: times are monotonic.
//  3. To say something costs a lock and a look at the clock; a loop may say it for every file.
//
// # Limits
//
// A loop that goes on turning without doing its work is not late. What it fails to do shows elsewhere: in the health
// conditions.
package pulse
