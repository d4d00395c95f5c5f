// Package uploader takes frames from the queue to S3: lease, ticket, PUT, proof.
//
// # Promises
//
//  1. A frame is acknowledged only on proof that S3 holds exactly its bytes: 200 with the frame's SHA-256 in
//     the reply, or S3's own 412 on a key that contains that SHA-256 and no other. Every other outcome leaves it in the queue.
//  2. What is done about an outcome is decided in one place, Judge, from what was seen and nothing else.
//  3. Bytes go only to a URL that ticket.Policy accepted, at an address that Guard allows; redirects and
//     proxies from the environment are not followed.
//  4. A bad link costs no frame an attempt. While it is bad one probe at a time goes out, each with another
//     frame. A frame on which the link breaks again and again waits longer each time, so that it cannot hold up
//     the rest.
//  5. A ticket is asked for only when a slot is free for its frame, and is used once.
//  6. A transfer that moves is never ended for being slow; one that has not moved for Options.Stall is.
//  7. A frame that is at fault is parked after Options.MaxAttempts tries, those included whose outcome the
//     agent did not live to see. Several frames that fail alike, with no delivery between, are not at
//     fault; nor are those that the backend finds fault with, all of them, with no ticket between.
//  8. No log line, error text or status holds a presigned URL, a part of its query, or a key.
//  9. The device certificate is renewed before it ends, and a renewed one is used only after the backend has answered a
//     request in its name; until then, and when it is refused, the old one stays (Renewer). None of this holds up a
//     frame. A one-time code is sent only when what can be known before has been found good (Enroll).
//  10. A fleet does not come back in one moment: not after an outage, not when a server told all of it the same time, and not
//     when all of it was started in one second. No second has more than three times the mean of the minute or so in
//     which it comes back; of 100 rigs 99 are back within two minutes. TestFleetIsSpread says how that is measured.
//  11. No transfer begins in a window of the week that pauses uploads, and the rate of the window in force holds over all
//     transfers, those under way too. A clock that cannot be right pauses nothing.
//  12. Heart tells the backend about once a minute how the rig is, on a connection of its own, in outages and pauses too.
//  13. A Canary goes the way of a frame: the same request, judgement of the ticket, PUT and proof. It is no frame, and
//     leaves no trace in a queue.
//  14. Rate, windows and concurrency can be changed while Run runs, with effect at once and without ending a transfer; what
//     cannot stand changes nothing (Change). Whoever asks is told at each turn of the loop when the next is due.
//  15. Run returns only after every outcome is recorded. What was aborted counts as not done.
//
// # The way of one frame
//
// After its share of Options.StartSpread, Run leases as many frames as there are free slots. A batch asks for its tickets in one request; each frame
// is then PUT on its own, its outcome judged, and the verdict recorded in the queue before its slot is
// free again. Pace says how many slots there are, Breaker whether any may be used.
//
// # Assumptions
//
// The queue counts an attempt durably in Lease and gives it back in an uncharged Defer. The rig's clock is
// within a few minutes of the truth; when it is not, tickets are refused and Status shows by how much the
// backend's clock differs. Windows go by the backend's clock where that is more than a minute off.
//
// Nobody but the backend's role may write under raw/: a 412 proves the bytes because that role signs a key together with the
// SHA-256 that it contains. A thief of the role could put something else there first; the bucket's audit trail shows it.
//
// # Where it is broken
//
// A router, the backend and the bucket are each somebody else's to mend, so an Outage of the link says which (Place). Only
// when the backend does not answer is there more to find out: a connection to S3 is then made and closed, without a byte on
// it, at an address that Guard allows. On a rig that has nothing to upload, heartbeats that are not heard tell the same.
//
// # Limits
//
// While uploads are paused nobody probes the link: an outage that was there when the pause began is shown until it ends.
//
// The watchdog sees what the kernel takes, not what the line carries: when the last byte of a payload has been
// handed over, up to 256 KiB may still wait in the kernel. A transfer whose share of the line does not empty that
// within Options.Stall (about 35 kbit/s at the default) is ended although it moves; the pace then halves, which
// doubles the share of the others.
package uploader
