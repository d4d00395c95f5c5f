// Package registry is the backend's memory: which rigs there are, who was invited to become one, which
// certificates are worth nothing any more, and how much each rig has asked for today.
//
//	Registry  what is remembered and by which rules; the same for every store below
//	Table     where it is kept: OpenFile (bbolt, one server) or OpenDynamoDB (many)
//	Office    what a person does with it; a Registry, or a Client of a running server's socket
//
// # Promises
//
//  1. A revocation holds from the next Admit on, on every server that shares the table: nothing is cached, and
//     reads are consistent. A table that cannot be asked is an error, never a yes.
//  2. An invitation makes one key a rig, once, however many ask at the same time. Only the code's SHA-256 is
//     kept. Who asks again with the same code and the same key, because the answer was lost on the way, gets the
//     same certificate again until the invitation ends.
//  3. A revoked rig comes back by an invitation that was made after its revocation, and by nothing else. Neither
//     an older invitation nor any certificate of before is good again, not even one that was renewed while the
//     revocation was written.
//  4. A frame is charged to its day's quota once, however often it is tried again that day.
//  5. Commit is all or nothing, and durable when it returns. A file appears whole or not at all; its records carry
//     a checksum, because bbolt has none for values, and one that fails it is an error.
//  6. What is remembered is bounded: ids, reasons and times have limits, and everything but rigs, and
//     revocations of certificates that the registry has not issued, ends by itself.
//
// # What a revocation means
//
// A rig has a generation, 0 at first. Each certificate that is issued is recorded with the generation of its rig.
// Revoking a rig begins the next generation, so that every certificate of before is refused by its number alone;
// no clock is compared. An invitation is of a generation too. Certificates that the registry did not issue, such
// as those of before there was one, count as generation 0: they are good until their rig is revoked.
//
// Revoking a serial number refuses one certificate, and leaves the rig's others alone.
//
// # What a quota counts
//
// Frames and bytes that a rig was given tickets for, per UTC day. A frame is known again by its object key and its
// length. Its mark is 8 bytes of a hash, in one of 4096 records for each rig and day. Two frames of a day that share the
// mark are charged as one, about once in 10^13 days at 100,000 frames a day. A frame that is tried again on another day
// is charged to that day as well: at most once a day, which is the bound. What a rig was given tickets for but
// never sent stays charged.
//
// # The table
//
// A record has a key of two parts, a version, an end, and a JSON value. In DynamoDB they are the attributes pk
// (S, partition key), sk (S, sort key), v (N), ttl (N, seconds; the table's TTL attribute) and body (S).
// Needed are dynamodb:BatchGetItem, PutItem and Query; nothing is scanned.
//
//	rigs/<0-f>                     <store>/<rig>   one rig; 16 partitions, so that none is hot
//	certificate/<serial>           -               whose, which generation, revoked or not; ends a day after the certificate
//	invitation/<hash of code>      -               for whom, until when; who used it
//	quota/<store>/<rig>/<day>      count           frames and bytes; ends two days after
//	quota/<store>/<rig>/<day>      <000-fff>       the marks of frames that were charged
//
// In the file a record's key is both parts with a zero byte between, in the bucket "records"; the bucket "due"
// holds ends in order, and each Commit deletes up to 256 records whose end has passed.
//
// # Limits
//
// The file is one server's; its owner asks the running server through a Unix socket (ServeOffice, Dial), which is
// there for him alone. A registry that is lost takes its revocations with it, so that whoever calls MakeFile has to
// say aloud that it made one. Back it up by copying it while the server is stopped. A
// file that bbolt finds damaged is not opened.
package registry
