// Package backend is the reference backend: an http.Handler that hands out tickets, presigned S3 PUTs, to
// rigs that prove who they are with a client certificate.
//
//	POST /v1/tickets    a ticket.Request for a ticket.Response
//	POST /v1/heartbeat  a rig's snapshot, any JSON object, for {"time": "…"}
//	GET  /healthz       200 when tickets could be signed
//
// Errors are RFC 9457 problem details with a stable code (the Code constants). Operations is a second handler, with
// metrics and health, for a listener that only its own machine reaches.
//
// # Homes
//
// One handler lives in three homes, which differ in who verifies a rig's certificate, and pass the same tests:
//
//	Standalone  crypto/tls in this process
//	ALB         a load balancer in mutual-TLS verify mode, which names the leaf in a header
//	Lambda      an API Gateway, which names the leaf in the event's request context
//
// What was verified elsewhere is verified once more here, but for the one thing that cannot be: that the caller holds
// the key. A certificate that arrives by another home's way is refused, never passed over.
//
// # Promises
//
//  1. Store and rig come from the verified client certificate, on every request, and never from the body; in a
//     laboratory that has LabTokens from one of these, which each start and each audit line then says.
//  2. A ticket is leave to create one object: this frame's bytes (length, MD5 and SHA-256 are signed), its
//     type, encrypted with the configured KMS key, at a key under raw/<own store>/ that contains its
//     SHA-256, once (if-none-match), within Tickets.TTL, at the store's own endpoint.
//  3. It fails closed: each ticket passes ticket.Policy.Verify, the rig's own judgement, before it leaves,
//     and New fails when this build's SDK does not sign what that wants, for any endpoint.
//  4. Every decision is one log line that says who, by what proof, what, key and result. None holds a signature, a
//     token or a URL.
//  5. Whatever a rig sends is bounded: bytes, uploads, lengths of names and values, time. So are the labels of metrics.
//
// # Whole requests and single frames
//
// A request that no correct rig sends (bad digests, the same frame twice) is refused as a whole with 400:
// the rig's program is wrong, not its picture. What the policy says of one frame (its size, its type, its
// camera) is a ticket.Refusal, final for that frame, and the other frames get their tickets.
//
// Unknown JSON members are ignored, so that a fleet can be updated before its backend. Capture times may
// lie in the future or in 1970: a rig with a wrong clock still has frames worth keeping.
//
// # Not here
//
// Revocation, enrolment, quotas that outlive the process: there is no state but the counters of Policy and the metrics.
// A Lambda function has as many of these as it has instances, and shows no metrics. What only AWS itself can show, such
// as the header that a real load balancer writes, is tested against stand-ins that follow its documentation.
package backend
