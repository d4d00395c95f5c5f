// Package doctor walks the real path once, from the capture folder to the proof that S3 holds what was sent, and says of
// each step whether it works, what was seen, what it means, and what to do.
//
// # The steps
//
// In this order; each is a Result, told as soon as it is known:
//
//	config          the file is read and well-formed
//	agent           whether one runs, and how it says it is
//	capture folder  it and each camera's folder can be read, and emptied
//	watches         the system tells of new files in all of them
//	state folder    it and the queue's can be written to, and have room
//	status page     its address can be had
//	clock           it is no earlier than this rig's certificate, and a time service keeps it
//	backend dns, backend tcp, backend tls, and the same for each s3 destination
//	identity        the device certificate and key, as this user sees them
//	ticket          the backend knows this rig, and its ticket passes the rig's own rules
//	clock offset    how far the backend's clock is from this machine's
//	canary          S3 takes a small picture, of which there is no other
//	proof           S3 answers the SHA-256 of what was sent
//	no overwriting  S3 refuses the same key once more
//
// The canary goes the way of a frame, by uploader.Canary, to a place of its own that the backend's policy provides; nothing
// of it is in the queue. Two tickets are used.
//
// # Promises
//
//  1. It works whether an agent runs or not, and disturbs none: beside one it takes a single watch. It leaves nothing on the
//     rig: its probe files are removed at once, and the page's address is held for a moment only if it is free.
//  2. The network costs no more than Longest, however dead it is, and disks that hang ten seconds together, which are not
//     the network's. With the answer of a running agent that makes a minute.
//  3. A step that needs one which failed is skipped, and says so. What cannot be known is never ok.
//  4. A failure that is a condition of the running agent bears its code, and means the same.
//  5. It shows no URL, no signature and no key.
//
// # Limits
//
// What it sees is what its own user may do: root may do more than the agent, and others cannot read the device key. Both
// are said. Watches are counted for each user apart; beside an agent it is reckoned whether they suffice, not tried. It uses
// the machine's DNS as the agent does, once; an answer that changes from one question to the next is seen once.
package doctor
