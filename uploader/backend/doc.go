// Package backend is the reference backend: an http.Handler that hands out tickets, presigned S3 PUTs, to
// rigs that prove who they are with a client certificate.
//
//	POST /v1/tickets    a ticket.Request for a ticket.Response
//	POST /v1/heartbeat  a rig's snapshot, any JSON object, for {"time": "…"}
//	POST /v1/enroll     a ticket.EnrollRequest, without a certificate, for a ticket.Enrollment
//	POST /v1/renew      a ticket.RenewRequest for a ticket.Enrollment
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
//  5. A rig, or a certificate, that the registry has revoked is refused at its next request, on connections that
//     are open as well. A registry that cannot be asked is a 503 for everybody; nothing of it is cached.
//  6. Whatever a rig sends is bounded: bytes, uploads, lengths of names and values, time. So are the labels of metrics.
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
// # Canaries
//
// A rig tries the whole way with a canary: one upload that names ticket.CanaryCamera, which no camera can be called. It
// is a PNG of a few hundred bytes, comes alone in its request, and gets a ticket as a frame does, but for a key under
// canary/<own store>/, where nothing that reads frames looks. It is exempt from lists of cameras, limits of sizes and
// rates, and daily quotas; Policy.CanariesPerHour bounds it instead, and 0 refuses it. A rig that is not welcome gets no
// ticket for it either.
//
// # Enrolment and renewal
//
// They are there with Options.Registry and Options.Signer. Serve then has to be given a tls.Config with
// tls.VerifyClientCertIfGiven, and keeps strangers from everything but enrolment itself. The code alone says which
// rig a certificate is for, on renewal the present certificate; of the request only its public key is used, and a
// renewal is for the key that the rig has: a new key needs a new code. A certificate leaves only when the registry has
// recorded it, in the same commit that uses up the code. Tries to enrol
// are limited for each address and for all together, so that anybody can keep others from enrolling for as long as he
// asks from many addresses; rigs that are enrolled do not notice. A rig may renew a few times an hour.
//
// # Quotas
//
// Policy.DailyFrames and DailyBytes count what a rig is given tickets for in a UTC day, each frame once however often
// it is tried (see package registry). A request that does not fit gets 429 as a whole and no ticket, with Retry-After
// until midnight. For a rig that is "too fast": its frames wait, uncharged and never parked, it asks again within
// five minutes, with one frame, and so uses up what is left of the day.
//
// # Heartbeats
//
// The metrics say how many rigs were heard within ten minutes, by verdict and by the codes of their conditions, and how
// many have fallen silent. They are counted from each rig's last heartbeat, in this process's memory: where several
// processes share the work, a rig that changes from one to another is silent for the first. Memory and labels are bounded,
// whatever rigs send; which codes there are is the rigs' to know.
//
// # Not here
//
// Without a registry nothing outlives the process: there are the counters of Policy and the metrics and no more, nobody
// is enrolled, and a certificate is good until it ends. A Lambda function has as many of these counters as it has
// instances, and shows no metrics. Enrolment is in the standalone home alone: beside the
// others, one standalone server on the same table does it. What only AWS itself can show, such as the
// header that a real load balancer writes, is tested against stand-ins that follow its documentation.
package backend
