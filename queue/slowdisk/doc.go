// Package slowdisk is the disk of a shop's box, for benchmarks: ext4 on a block device whose flushes take as long as they
// do there. It is a rig: nothing that is shipped imports it.
//
// # Why
//
// What makes a frame durable is the disk's flush, and machines that benchmarks run on have disks whose flush is nearly
// free: a cache behind a battery, or a file of another machine. A queue that flushes sixty times looks there like
// one that flushes six times. Cheap disks have to write: an SSD without capacitors, eMMC and SD cards take some one to ten
// milliseconds for a flush, a hard disk at 7200 revolutions about the eight of one. ShopFlush is in the middle.
//
// # How
//
// A sparse file in memory is served over FUSE, a loop device is on it, ext4 on that. The loop driver passes a flush on as
// fsync, and a write that must be durable at once as a write and an fsync. Each takes the time that was asked for, one
// after the other; while one lasts, the kernel makes one of those that wait, and ext4 lets fsyncs share a commit of its
// journal, as on a real disk. Flushes are counted.
//
// A process of its own serves the file and owns all mounts: one that served its own disk could wait for itself, in a page
// fault. It takes everything down when the process that asked for it is gone, however that ended.
//
// # Limits
//
//   - Only the flush is slow. Reads and writes are those of memory, and a request takes the time of FUSE, some 50 µs.
//   - It needs Linux on amd64 or arm64, root, /dev/fuse, a loop device and mkfs.ext4. Mount says what is missing.
package slowdisk
