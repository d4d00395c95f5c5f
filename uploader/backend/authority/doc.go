// Package authority signs the rigs' device certificates: with a key from a file, or from AWS Secrets Manager.
//
// # Promises
//
//  1. A certificate says one thing: by exactly one URI SAN, spiffe://<trust domain>/store/<store>/rig/<rig>, who may
//     speak for that rig as a client. Nothing else of the request but its public key is used.
//  2. It begins a few minutes ago, for rigs whose clock is behind, and never outlives the authority itself.
//  3. Its serial number is 128 bits of chance.
//  4. A key file that others than its owner can read is refused, and so is a key that is not the certificate's.
//  5. Keys of rigs are ECDSA P-256 or P-384, or Ed25519, and proven by the request's signature. RSA is refused: rigs
//     make their own keys and need none, and it is the slowest to use and the easiest to choose too short.
//
// # Limits
//
// The key is in this process's memory, and so is whatever can read it. A key that never leaves an HSM or AWS KMS is
// another implementation of the backend's Signer.
package authority
