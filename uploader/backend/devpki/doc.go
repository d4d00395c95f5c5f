// Package devpki makes the certificates that development and tests need: an authority, a server and rigs.
//
// It is not how a fleet is enrolled. The authority's key lies unencrypted beside the certificates, rigs do
// not make their own keys, and nothing can be revoked.
//
// # The folder
//
//	ca.pem                   the authority; its URI SAN, spiffe://<trust domain>, says whose it is
//	ca-key.pem
//	server.pem               for the backend, or an S3 server: the hosts as DNS names and addresses
//	server-key.pem
//	rig-<store>-<rig>.pem    exactly one URI SAN, spiffe://<trust domain>/store/<store>/rig/<rig>
//	rig-<store>-<rig>-key.pem
//
// # Promises
//
//  1. A file appears whole or not at all, and keys are readable by their owner only (mode 0600).
//  2. A key that exists is never replaced unless Options.Overwrite says so: ErrExists otherwise, before
//     anything is written.
//  3. Keys are ECDSA P-256 in PKCS #8; certificates are what crypto/tls and ticket.ParseIdentity accept.
package devpki
