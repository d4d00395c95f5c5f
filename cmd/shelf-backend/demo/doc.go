// Package demo shows the whole way of a frame on one machine: simulated cameras, the real agent as a process of
// its own, the real backend, and an S3 server to send to.
//
// The S3 server is gofakes3, in this process and in memory, with signature checks on. It is a development
// server: it keeps nothing, encrypts nothing, and says so.
//
// The demo believes nobody. Each camera remembers the digest of the picture that it drew, before any metadata
// was added; at the end the bucket must hold exactly these digests, each once, and the demo hashes every
// object itself.
package demo
