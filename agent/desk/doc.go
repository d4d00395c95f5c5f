// Package desk is the queue as people use it: look at frames, try them again, give them up, carry them away, and
// have the whole held against itself.
//
// A Desk is either the queue that this process has open (Local), or that of a running agent (Client, over the
// agent's Unix socket, which Handler answers). Both do the same, and one suite of tests holds them to it.
//
// # What it promises
//
//   - A frame is named by its ID or by the beginning of its digest, if only one frame's begins so. Nothing is done to
//     a frame that was not named without doubt.
//   - Every change is one line in the log, and a frame that was given up leaves a receipt, with who, when and why.
//   - A frame that is on its way to the bucket is not given up: ErrLeased. Ask again when that try has ended.
//   - Memory does not grow with the queue: lists come in pages, payloads and findings as streams.
//   - A frame is exported when its bytes have been read back from the other disk with the digest that they were
//     queued with, and not before; nothing half has a final name there.
//
// # Who may
//
// Whoever can open the socket: the agent's own user, its group, and root (mode 0660, in a folder with mode 0750).
// They see the pictures, and may drop them. Nothing that changes the queue or gives pictures is served anywhere else; what
// Find tells of a frame is on the status page as well. On Linux the kernel says who is at the other end, and log and
// receipts name that user; what people say of themselves is written beside it and never instead. Other systems do not
// say: there it is all there is, and marked as such.
//
// # The wire
//
// Requests are URL queries, or forms where something is changed; answers are JSON. A refusal is a Problem.
//
//	GET  /v1/queue/stats
//	GET  /v1/queue/items    camera, state, since, until, source, sha256, after, limit   one page
//	GET  /v1/queue/item     ref
//	GET  /v1/queue/find     as items, without state and after                           in the queue, and gone from it
//	GET  /v1/queue/payload  id                                                          the bytes
//	GET  /v1/queue/verify   quick                                                       one line for each finding
//	POST /v1/queue/retry    ref, by
//	POST /v1/queue/retries  as items, and by                                            one page
//	POST /v1/queue/drop     ref, by, reason
package desk
