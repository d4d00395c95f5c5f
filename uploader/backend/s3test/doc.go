// Package s3test runs a real S3 server, versitygw, for tests: over TLS, on a free loopback port, in folders
// of its own, as a child process that dies with the test.
//
//	server := s3test.Start(t)
//	server.CreateBucket(t, "frames")
//	// … PUT through a ticket that was signed with server.Credentials() …
//	object := server.Read(t, "frames", key)
//
// The server checks signatures, lengths, types, digests, expiry and if-none-match. It does not know SSE-KMS:
// it holds those headers to the signature and stores plain bytes.
//
// The program comes from SHELF_VERSITYGW or from .tools/versitygw at the module's root.
package s3test
