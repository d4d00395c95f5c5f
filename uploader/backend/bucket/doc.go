// Package bucket looks at the bucket that the frames are in: it reads one object and proves it, and it says whether
// the bucket is what the promises made to a retailer need it to be. It never writes to S3.
//
// # Promises
//
//  1. Read vouches for what it returns: the object is encrypted with the expected KMS key, and its bytes have the
//     SHA-256 that S3 keeps and the one that the key contains. What cannot be held against either is damaged.
//  2. Save leaves a whole and proven file or none, and Print writes nothing before everything is proven.
//  3. Absent, denied, damaged and wrongly encrypted are different faults, and an unreachable S3 is none of them.
//  4. Check reports what it saw, and what it was not allowed to see as that: unseen is never ok.
//  5. No error or finding holds a credential or a signature.
//
// # Assumptions
//
// S3 tells a bucket's settings truthfully. Whoever may read objects but not list the bucket gets "access denied" for
// an absent object: S3 does not tell the two apart for them, so Denied names both.
//
// # Not here
//
// Policies are not evaluated: Check looks for the one statement that refuses unencrypted connections, and does not
// say what else a policy allows. Settings of the account and of the KMS key are not looked at.
package bucket
