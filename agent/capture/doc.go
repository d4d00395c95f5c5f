// Package capture turns a directory that cameras write into, by whatever means, into complete files,
// one at a time, for a consumer that makes each of them durable and then lets its source go.
//
// It knows nothing of images beyond their first and last bytes, and nothing of queues or networks.
//
// # Promises
//
//  1. A source goes only by [File.Remove] or [File.Reject], and only while it is still the very file that was
//     handed out. What was overwritten, replaced or appended to meanwhile stays and is offered again.
//  2. A rejected file is durable in the rejected folder, with its reason beside it, before its source goes.
//  3. The scan is the truth. Every eligible file is found by a scan of the folder, at start, every Rescan, and at
//     once after lost events; file system events only make it faster. With no events at all nothing is lost but time.
//  4. A file that someone on this machine is writing is not handed out as complete, where the kernel can tell;
//     elsewhere not before it has kept still for Settle and carries its format's end marker.
//  5. Each file is in one caller's hands at a time, until Remove, Reject or Release ends the hand-out.
//  6. Oldest first within a camera, cameras in turn.
//  7. Only regular files with one name, reached without following a symbolic link below the capture folder, are
//     ever opened, and never in a way that can block or write.
//  8. Bounded: a few thousand candidates per camera, a thousand cameras, a rejected folder limited in bytes, age and
//     number, whatever lies in the capture folder.
//  9. Nothing waits in silence: a folder that names no camera, a dead watch, a missing disk, a file that cannot be
//     taken away, pictures that are held back in the rejected folder, also by an earlier run, are all in [State].
//  10. Once a marker has been recorded, no fault of the capture disk keeps [Open] from returning a Watcher within seconds.
//  11. A disk that does not answer is a state, [DiskSilent]: for Open after seconds, later when one step of a scan, a look at
//     a file or its removal takes minutes. It keeps neither State nor the end of Run waiting. One look at the whole folder
//     waits for it at most, and one for each caller's file; what hangs goes on when the answer comes.
//
// # Who a file belongs to
//
// The first folder level names the camera: Dir/cam-1/2026/11/a.jpg belongs to cam-1. Files in Dir itself belong to the
// camera "default". A camera id is [a-z0-9][a-z0-9._-]{0,62}; a folder name is lower-cased to become one, so "Cam-1"
// and "cam-1" are one camera. A name that still does not fit needs an entry in Options.Folders (byte for byte as on
// disk); until then its files wait and State.Unnamed lists the folder.
//
// Ignored: names that start with "." or end in .tmp, .part, .partial, .filepart, .crdownload (in any case), the folders
// that file systems make for themselves (lost+found and its like), and the rejected folder.
//
// # When a file is complete
//
// On Linux a read lease is asked for (fcntl F_SETLEASE F_RDLCK). The kernel grants it only when nobody has the file open
// for writing, so the answer is there at once, without a delay; it is given back at once, too, because someone who opens
// the file for writing while it is held has to wait. EAGAIN means that someone writes: the file is probed again after an
// eighth of the time it has been busy, between 1 ms and 250 ms.
//
// Where the lease is refused for another reason (not the owner and no CAP_LEASE, another system) or would not tell
// (network and user-space file systems, where the writer may be on another machine), size and times must keep still
// for Settle, and a file whose format is known (JPEG, PNG, WebP) must hold its end marker. Bytes after the marker do
// no harm.
//
// Two cautions apply to either way. An empty file counts as complete only after Settle: some writers create it, close
// it, and open it again. So does, with a lease, a file of known format without its end marker: it may be between two
// appends of a writer that closes after each. A writer that does so with an unknown format, slower than the probes, is
// not recognised; what it appends later is seen by Read, Remove and Reject, which then keep the file.
//
// A file that has not changed for GiveUp and is still incomplete is handed out with File.Incomplete set. The
// consumer decides: usually it rejects it as truncated. A file that grows is never given up, however slow it is.
//
// # What goes on on the disk
//
// Dir/.shelf-agent-capture is the marker, one line of JSON written at first start:
//
//	{"id":"<32 hex digits>","created":"2026-11-22T01:18:03Z","note":"…"}
//
// Its id is recorded in the file Options.Seen, outside the capture folder (default: nowhere, and the marker then tells
// nothing). Once recorded, a folder without the marker is a disk that is not mounted, or another one: it is reported,
// and no marker is made in it. Files that lie there are pictures all the same and are handed out. A marker with another
// id is a disk from another rig: its files could be another shop's and wait. [Adopt] accepts the folder as it is.
//
// Remove and Reject first rename the source to .shelf-agent-aside-<16 hex>-<name> in its own folder and then look at
// what they have caught: between a look and an unlink by name a camera could put a new picture there. What turns out
// to be another file gets its name back. A crash in between leaves the aside name; the scan restores it.
//
// A rejected file lies in Rejected/<camera>/<UTC time>-<8 hex>-<name>, and beside it, with ".json" added:
//
//	{"code":"truncated","sentence":"…","detail":"…","at":"2026-11-22T01:18:03Z","size":48213,
//	 "sha256":"<64 hex>","source":"cam-1/a.jpg","camera":"cam-1","file":"…","modified":"2026-11-22T01:17:58.5Z"}
//
// The JSON is written first: one without its file is a rejection that a crash cut short; it is not listed and goes
// after a day. A file without a JSON that can be read is listed with the code [ReasonLost]. The newest rejected file
// stays even if it alone exceeds the bounds. A file with the code [HeldBack] is a good picture that waits for a person:
// its age never ends its time, only the bounds in bytes and number do. Neither does the age of one with a lost reason,
// which may have been the same, nor a stamp before 2026, when this program did not exist: the rig's clock had not been
// set yet. Each pass that deletes something logs how many, the oldest, and why.
//
// # Assumptions
//
// Times of files are compared for equality only, except to order a camera's files by age. The agent may create,
// rename and delete in the capture folder and those below it. A file whose content was rewritten in place, to the
// same length, within the file system's time stamp granularity (4 ms on Linux) of its last write, after it was read,
// is recognised by its content only if it was that fresh when read. fsync means what it says. The age of rejected
// files goes by the rig's clock: one that is weeks fast ends their time early. No descriptor of the capture disk is
// kept between two looks, so it can be unmounted.
package capture
