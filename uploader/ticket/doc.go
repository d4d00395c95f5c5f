// Package ticket is the wire contract between a rig and the backend, and the rig's judgement of what the
// backend answers.
//
// A ticket is a presigned S3 PUT for one frame. The backend is asked for it (Request), answers with a
// Ticket or a Refusal for each frame (Response), or with RFC 9457 problem details (Problem).
//
// # Promises
//
//  1. Whatever a backend answers, a ticket that passes Policy.Verify can only write one object: this
//     frame's bytes, with this frame's type, length and digests, encrypted with the expected key, at a key
//     under raw/<own store>/ that contains the frame's digest and no other, on a host that the configuration names, by
//     PUT, over https, within the next 15 minutes, and never over an object that is already there.
//     A canary (CanaryCamera) is held to the same but for its place: its key is under canary/<own store>/ and never
//     under raw/, so that what reads frames never meets one. A frame's key is never under canary/.
//  2. Verify decides from the ticket, the upload and the policy alone: no network, no clock but Policy.Now,
//     no state. The same input gets the same verdict in any other language; testdata/tickets holds vectors.
//  3. Every refusal is an *Error with its own Fault, so that a test, a log and a technician can tell one
//     from another. No error contains the URL's query, which is a bearer secret.
//  4. Everything that is read from the backend is bounded (MaxResponseBytes, MaxUploads).
//
// # Assumptions
//
// S3 checks what was signed. The signature itself cannot be checked here: the rig has no cloud credential,
// and that is the point. A forged signature gets a 403 from S3 and no object.
//
// The package uses the standard library only, so that another program can take it as it is.
package ticket
