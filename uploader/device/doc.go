// Package device keeps the rig's device key and certificate on its disk: how the first pair is put there, and how a
// renewed certificate takes the place of the one before.
//
// # The files
//
//	<key>              the device key, PKCS #8, mode 0600
//	<certificate>      the certificate that goes with it, with its chain
//	<certificate>.new  one that is not in use yet: renewed and not tried, or put there by an enrolment that was cut off
//	<key>.new          the key of an enrolment that has had no answer yet; the next try uses it again
//	<key>.old, <certificate>.old
//	                   the pair that the last enrolment replaced
//
// # Promises
//
//  1. Whenever the power is cut, there is a pair that works: the old one, or the new one. Every file is written under
//     another name, flushed, renamed, and its folder flushed, before the next step.
//  2. A renewal keeps the key, so that one rename is all of it. That is why it keeps the key: a pair of two files cannot
//     be exchanged at once; and a key that comes from elsewhere, from systemd's credentials or out of a folder that
//     the agent cannot write to, can be renewed as well. A new key comes by enrolling anew.
//  3. An enrolment exchanges the key first; that is its commit point. Until the certificate has followed, the key's
//     own is <certificate>.new: Pair, which everybody reads by, takes the one that fits the key.
//  4. What replaces a pair leaves the pair before it aside. Only one is kept: older ones have ended soon anyway.
//  5. Two programs that change the files, `shelf-agent enroll` and the agent, take turns: the folder is locked.
//  6. Root writes for the agent's user, in folders of that user's, and is not led out of them by a link.
//
// # Assumptions
//
// Both files are on a local disk. The disk keeps what fsync has said that it has. Windows flushes no folders and has
// no lock for them, nor mode bits; there the folder's access list protects the key, and enrolling is for when the
// agent is stopped.
package device
