// Package queue keeps captured frames safe until their delivery is proven.
//
// A frame is a payload file and a record. Records live in one bbolt database; payloads are plain files
// whose names carry their identity, so that the files alone are enough to start again. The package knows
// nothing of cameras, pictures or networks: it is given bytes, and it gives them back.
//
// # Promises
//
// The numbers are those of the project; a test that proves one carries its number.
//
//   - P1. Put returns nil only when the frame survives a power cut: its bytes, its name and its record. The
//     caller may then remove the source, and not before.
//   - P2. An item leaves only by Ack, with a proof, or by Drop, with a reason. Either is recorded before the
//     payload is removed. Unknown outcomes, full disks and crashes leave it in place.
//   - P3. Identity is camera, capture time and SHA-256. A second Put of the same frame is the same item, before
//     and after any crash, and for as long as its receipt is kept.
//   - P4. Open succeeds after any crash, and with a database damaged in any way; at worst the records are
//     made again from the payload names. What is damaged is moved to damaged/, reported, never deleted.
//   - P9. Memory does not grow with the number of items. Lease, Put and the others cost O(log n); lists are
//     read in pages; the database shrinks again after a backlog.
//
// # What is assumed of the disk
//
// fsync of a file makes its contents durable, fsync of a directory its names, and rename within one file system
// is atomic. A write may be torn; contents may change or vanish unasked (records and payloads are checksummed).
// A disk that acknowledges a flush and forgets it can lose the frames of that flush: none of the promises
// holds on it, but the queue still opens. Everything under Options.Dir is on one local file system and belongs
// to one process; file locks must work there. On Windows directories cannot be synced: names are as durable
// as NTFS's own journal makes them.
//
// # On disk
//
//	lock                      held by the process that has the queue open; contains its process id
//	clean                     present after a clean stop: size and first pages' checksum of queue.db
//	queue.db                  the records
//	reserve                   ballast, given up when the disk is full so that deliveries can be recorded
//	payload/<camera>/<name>   <name> = <captured_at>-<sha256>.<ext>, e.g. 20261122T011803.123Z-<64 hex>.jpg
//	tmp/                      being written; emptied by Open
//	damaged/<time>/           what was moved aside
//
// queue.db has one bucket for each state, keyed by ID, so that an item is in exactly one; the key's order, camera
// and then capture time, is the order that Lease needs.
//
//	meta         schema: an older one is upgraded by Open, in one commit; a newer one is left alone
//	ready        ID → record           to be leased; a leased item stays here, so that a crash gives it back
//	deferred     ID → record           not before a time
//	due          time, ID → nothing    the order in which deferrals fall due (ms since 1970, big endian)
//	parked       ID → record           needs a person
//	receipts     number → receipt      the newest Options.Receipts, oldest first
//	receipt_ids  ID → number
//	unlink       ID → nothing          settled, the payload perhaps not yet removed for good
//	cameras      camera → tally        counters, changed in the transaction that changes what they count; among them the
//	                                   bytes that were delivered, and how long frames took (Delays): metrics are read here
//
// Every value is a version byte, a CRC-32C over version, key and body, and a JSON body. bbolt checks its two
// meta pages only; without the checksum a flipped bit would be read as truth. JSON costs a few microseconds a
// record, which is nothing beside the fsync that commits it, and can be read by a person with a hex editor on
// a bad day. The digest, camera and capture time are not in the body: the key has them.
//
// # Writes, and what a crash leaves
//
// One goroutine commits. It takes all operations that wait, syncs each directory that they touched once and side by side,
// applies them in one transaction and commits it: one pair of fsyncs serves many frames. Every operation is answered
// after the commit, and memory changes after the disk.
//
// Put: (1) the payload is written to tmp/ and fsynced; (2) renamed to its name; (3) its directory is fsynced;
// (4) its record is committed. The commit point is (4).
//
//   - Before (2): tmp/ is emptied at the next Open. The source is still there.
//   - Between (2) and (4): a payload without a record. Its directory is fsynced, for it may have been the process that
//     ended, and not the power; then it is adopted: the same item, if the source is Put again.
//   - After (4): the item exists. Whether the caller was told makes no difference.
//
// A Put that fails takes its payload back. If the disk does not let it, the next stop does not count as clean, and the
// payload is adopted.
//
// Lease: the attempt is counted and committed, then the item is handed out. Before the commit nothing has happened;
// after it an attempt is counted, even if nothing was sent. That the item is leased is known in memory only.
//
// Ack and Drop: (1) one commit removes the record, writes the receipt and notes the payload in unlink; (2) the
// payload is unlinked; (3) after the directory has been fsynced, a later commit clears the note. The commit point
// is (1).
//
//   - Before (1): the item is waiting and will be sent again; the key exists, and 412 is the proof.
//   - Between (1) and (3): Open unlinks what unlink names. The frame is not sent again.
//
// Defer, Bury, Retry, Release: one commit moves the record between buckets. Nothing else is touched.
//
// First creation: the database is made in tmp/ with its buckets committed, closed, and renamed into place. A directory is
// made under a lock and its parent fsynced before anyone uses it. A process that was killed in between leaves names
// that are seen and not durable, so Open fsyncs the directories that hold them before it relies on them.
//
// Compaction: a copy is made in tmp/, fsynced, renamed over queue.db, and its directory fsynced. On either side of
// the rename there is a complete database with the same content.
//
// # After an unclean stop
//
// The database is checked (see Options.CheckCommand) and, if damaged or twice not readable, moved aside and begun anew.
// Attempts, deferrals, parked states, metadata, source names, counters and receipts are then lost; the frames are
// not, and the second delivery of one that had been delivered meets its own key: 412. The check reads the
// database, not the payloads, and costs time in proportion to it. On a full disk the new database takes the place of the
// reserve, and a clean stop that cannot be marked counts as unclean.
//
// Then payloads and records are compared, in a goroutine, in steps that let other operations through: Open waits
// for it until a second after its own beginning, so that a small queue is whole when Open returns, and a large one in use
// at once. A payload without a record is adopted, a record without a payload is parked as payload_missing, a payload
// of the wrong size or content is moved to damaged/ and parked as payload_damaged, a record that fails its checksum
// is made again, counters are counted again. Digests of adopted payloads are verified at once while there are few,
// and otherwise when they are leased; none is handed out unverified.
//
// Verify does the same comparison whenever a person asks, reads every payload, and changes nothing.
//
// # Limits
//
//   - An I/O error while a commit is made durable leaves its outcome open. The queue then refuses all further
//     work with ErrBroken until it is opened again; what was acknowledged stays acknowledged.
//   - A deferral lasts half an hour at most (MaxDeferral), and one that appears to lie further ahead than that is
//     due: the clock has been set back.
//   - On a disk that is full to the last byte and stays so after the reserve has been given up, Ack fails. The item
//     stays and is proven again later.
//   - bbolt hides why its file could not grow. Growth takes no space on the usual file systems; where it does, and there is
//     none, Put fails with an error that is no ErrFull, and Ack without the reserve being tried. Nothing has changed then.
//   - While counters are counted again after an unclean stop, one snapshot is read for a few seconds per million items.
//     Should the database have to be mapped larger meanwhile, commits wait for it.
//   - damaged/ is not limited: it is never deleted by the agent.
//   - All payloads of a camera are in one directory; file systems with linear directories (FAT) get slow.
package queue
