// Package powercut cuts the power of a disk under a working queue, as often as is wanted, and looks at what is left.
// It is a rig for tests: nothing that is shipped imports it.
//
// # How
//
// A queue is opened on a disk that remembers: every write, truncation, sync, creation, rename and removal is recorded
// in the order in which it happened, while several goroutines of another process put frames and settle them. That
// process writes what it was promised into the same record: a note when a call begins, and one when it has
// returned. Such processes follow each other: one closes the queue, one is killed, one works on what a cut has left. A cut
// is a position in the record. What was noted before it is what the world knows; what was synced before it
// is what the disk holds; what was written and not synced, the disk may hold in part. States of the disk are
// built from that, given to a queue in a third process, and judged:
//
//   - it opens by itself, and again after that (P4);
//   - a frame whose Put had returned is there, with its bytes, its record, its state and its attempts (P1, P2);
//   - a frame whose Put had not returned is not there, or whole; and it can be put again;
//   - a frame whose Ack or Drop had returned is not there any more, and its receipt is (P2, P3);
//   - what a call under way would have changed is as before it or as behind it, and nothing in between;
//   - nothing is there twice, nothing is handed out twice, no record is without its payload, and nothing is damaged.
//
// # Two disks
//
// The strict one is a file system in memory, served over FUSE, that keeps POSIX to the letter: contents survive only
// the fsync of their file, names only the fsync of their directory, and a rename is atomic, but for a half of it that the
// fsync of one of two directories has made durable. No real file system is so harsh, so none can hide a missing fsync.
//
// The other is a block device: a file over FUSE, a loop device on it, ext4 on that. There the unit is the block, the
// only promise is the flush, and it is ext4's journal that makes files of what is left. It shows that the
// assumptions of the strict disk hold on a real one.
//
// What a sync covers is what had been recorded when the sync began: a write that ran beside it is not covered.
//
// # What is kept of what was not synced
//
//	lost     nothing
//	kept     everything
//	prefix   everything up to some moment
//	subset   each change or not, at random
//	torn     the same, and of each write each sector or not: 512 bytes, on the block device 4096
//	names    names and no contents (strict disk)
//	data     contents and no names (strict disk)
//
// # Tests of the test
//
// A rig that finds nothing may be blind. So the record of a correct queue is changed into that of a broken one, one
// for each mistake that can be made: a sync that is taken out of the record has not happened, a note that is
// moved to an earlier place was an answer given too soon. The rig must see each of them; see broken.go.
//
// # Running it
//
// Tests look at some 1,500 states in half a minute; POWERCUT=long makes it tens of thousands in some ten minutes. Every
// test logs its seed, and POWERCUT_SEED sets it: it decides what is done and where the power is cut, but not how the
// goroutines of the queue take turns, so a record is never the same again. That is why a fault is printed with the
// story of its frame.
//
// # Limits
//
//   - The strict disk is sound for what is assumed in the documentation of the queue and nothing more: contents that
//     rot, and flushes that a disk acknowledges and forgets, are not among it.
//   - A call is noted in the record just before it begins and just after it has returned, so an answer that comes too
//     soon by less than the time of one system call can escape one cut, though hardly all.
//   - Linux on amd64 and arm64 only: the FUSE library does not compile for 32-bit Arm. FUSE is needed, and for the block
//     device root, loop devices and mkfs.ext4; tests say so and skip.
package powercut
