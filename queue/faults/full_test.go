//go:build linux && (amd64 || arm64)

package faults

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfagent/queue"
)

// smallDisks are file systems that can be filled.
var smallDisks = map[string]func(t *testing.T) string{"ext4": mountExt4, "tmpfs": mountTmpfs}

const smallDisk = "14m"

func mountTmpfs(t *testing.T) string {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+smallDisk); err != nil {
		t.Skipf("NOT TESTED on tmpfs: mount: %v (needed: root, and a kernel that lets us mount)", err)
	}
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

func mountExt4(t *testing.T) string {
	dir, image := t.TempDir(), filepath.Join(t.TempDir(), "image")
	for _, argv := range [][]string{{"truncate", "-s", smallDisk, image}, {"mkfs.ext4", "-q", "-F", "-m", "0", image},
		{"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("NOT TESTED on ext4: %q: %v: %s (needed: root, e2fsprogs, and loop devices)", argv, err, out)
		}
	}
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

func unmount(t *testing.T, dir string) {
	if err := unix.Unmount(dir, 0); err != nil {
		t.Errorf("%s is in use when nobody should: %v", dir, err)
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
}

// filler is what others write to the same disk.
type filler struct{ path string }

// fill takes the last byte.
func (f filler) fill(t *testing.T) {
	t.Helper()
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(t, err)
	defer func() { must(t, out.Close()) }()
	for _, size := range []int{1 << 20, 4096, 1} {
		for block := make([]byte, size); err == nil; {
			_, err = out.Write(block)
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		if err = out.Sync(); errors.Is(err, unix.ENOSPC) { // what was delayed takes its place now
			err = nil
		}
	}
}

func (f filler) free(t *testing.T) { t.Helper(); must(t, os.Remove(f.path)) }

// fullDisk is a queue on a small disk, and what it holds.
type fullDisk struct {
	t       *testing.T
	q       *queue.Queue
	opts    queue.Options
	next    int // frame
	present map[queue.ID]bool
}

// bigFrame is of some 100 KiB.
func bigFrame(n int) queue.New {
	f := frame("cam-1", n)
	f.Payload = append(f.Payload, make([]byte, 100_000)...)
	f.Metadata = nil // the reserve is small, and holds what one commit writes
	return sealed(f)
}

// putUntilFull queues frames until there is no room, and returns why.
func (d *fullDisk) putUntilFull() *queue.FullError {
	d.t.Helper()
	for {
		it, err := d.q.Put(context.Background(), bigFrame(d.next))
		var full *queue.FullError
		switch {
		case errors.As(err, &full):
			return full
		case err != nil:
			d.t.Fatalf("Put of frame %d: %v", d.next, err)
		}
		d.present[it.ID] = true
		d.next++
	}
}

// putWhenThereIsRoom waits for the queue to ask again how much is free: it believes an answer for a second.
func (d *fullDisk) putWhenThereIsRoom() {
	d.t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		it, err := d.q.Put(context.Background(), bigFrame(d.next))
		if err == nil {
			d.present[it.ID] = true
			d.next++
			return
		}
		if !errors.Is(err, queue.ErrFull) {
			d.t.Fatal(err)
		}
	}
	d.t.Error("there is room, and the queue does not see it")
}

// agrees compares the queue with what it should hold.
func (d *fullDisk) agrees(when string) {
	d.t.Helper()
	if s := d.q.Stats(); s.Pending() != int64(len(d.present)) {
		d.t.Errorf("%s: %+v, want %d items", when, s, len(d.present))
	}
	or := newOracle()
	for id := range d.present {
		it, err := d.q.Item(id)
		if err != nil {
			d.t.Errorf("P1, %s: %v", when, err)
			continue
		}
		or.wantPayload(d.q, it)
	}
	names, err := filesBelow(filepath.Join(d.opts.Dir, "payload"))
	if err != nil || len(names) != len(d.present) {
		d.t.Errorf("%s: %d payloads, want %d, %v", when, len(names), len(d.present), err)
	}
	report(d.t, or.problems)
}

// open opens the queue, twice: the first one makes the reserve before it is closed.
func (d *fullDisk) open() {
	d.t.Helper()
	for range 2 {
		if d.q != nil {
			must(d.t, d.q.Close())
		}
		q, err := queue.Open(d.t.Context(), d.opts)
		must(d.t, err)
		d.q = q
	}
	d.t.Cleanup(func() { _ = d.q.Close() })
	if _, err := os.Stat(d.reserve()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *fullDisk) reserve() string { return filepath.Join(d.opts.Dir, "reserve") }

// leaseAll leases all that there is.
func (d *fullDisk) leaseAll() (ids []queue.ID) {
	d.t.Helper()
	items, err := d.q.Lease(context.Background(), 10_000)
	must(d.t, err)
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	if len(ids) != len(d.present) {
		d.t.Errorf("%d leased, want %d", len(ids), len(d.present))
	}
	return ids
}

func (d *fullDisk) ack(id queue.ID) error {
	err := d.q.Ack(context.Background(), id, queue.Receipt{Proof: queue.ProofStored})
	if err == nil {
		delete(d.present, id)
	}
	return err
}

// A disk is filled to its last byte, by the queue and by others: Put says so, deliveries are still recorded, their payloads
// make room, and work goes on. Nothing is lost.
func TestP1_P2_FullDisk(t *testing.T) {
	for name, mount := range smallDisks {
		t.Run(name, func(t *testing.T) {
			dir := mount(t)
			d := &fullDisk{t: t, present: map[queue.ID]bool{}, opts: options(dir)}
			d.opts.Reserve = 1 << 20
			others := filler{filepath.Join(dir, "others")}
			d.open()
			first := d.putUntilFull()
			others.fill(t)
			second := d.putUntilFull()
			t.Logf("%d frames, then: %v; and to the last byte: %v", len(d.present), first, second)
			if len(d.present) < 50 {
				t.Errorf("only %d frames fitted", len(d.present))
			}
			d.agrees("full")

			ids := d.leaseAll()
			if _, err := os.Stat(d.reserve()); err == nil {
				t.Error("the reserve was not needed: the disk was not full")
			}
			for n, id := range ids[:len(ids)/2] {
				if err := d.ack(id); err != nil {
					t.Fatalf("P2: delivery %d cannot be recorded on a full disk: %v", n, err)
				}
			}
			d.agrees("half of them delivered")
			before := d.next
			d.putWhenThereIsRoom()
			d.putUntilFull()
			if n := d.next - before; n < 30 {
				t.Errorf("the payloads of %d frames made room for %d", len(ids)/2, n)
			}
			d.agrees("full again")
			others.free(t)
			d.putUntilFull()
			d.agrees("full after others went")

			must(t, d.q.Close())
			d.reopen()
			d.agrees("reopened")
			for _, id := range d.leaseAll() {
				must(t, d.ack(id))
			}
			d.agrees("all delivered")
			must(t, d.q.Close())
			must(t, queue.CheckFile(filepath.Join(d.opts.Dir, "queue.db")))
		})
	}
}

func (d *fullDisk) reopen() {
	d.t.Helper()
	q, err := queue.Open(d.t.Context(), d.opts)
	must(d.t, err)
	d.q = q
	if h := q.Healed(); h.Damage != "" || h.Missing+h.Damaged+h.Aside+h.Records+h.Recount != 0 {
		d.t.Errorf("healed %+v", h)
	}
}

// Others take every byte that the queue gives back. What cannot be recorded fails, and is done when there is room.
func TestP2_FullDiskThatStaysFull(t *testing.T) {
	for name, mount := range smallDisks {
		t.Run(name, func(t *testing.T) {
			dir := mount(t)
			d := &fullDisk{t: t, present: map[queue.ID]bool{}, opts: options(dir)}
			d.opts.Reserve = 64 << 10
			others := filler{filepath.Join(dir, "others")}
			d.open()
			d.putUntilFull()
			ids := d.leaseAll()
			var refused []queue.ID
			for _, id := range ids[:40] {
				others.fill(t)
				if err := d.ack(id); err != nil {
					refused = append(refused, id)
					if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, queue.ErrBroken) {
						t.Errorf("Ack: %v", err)
					}
				}
				if err := d.q.Err(); err != nil {
					t.Logf("broken: %v", err)
					must(t, ignoreBroken(d.q.Close()))
					others.free(t)
					d.reopen()
				}
			}
			t.Logf("%d of 40 deliveries could not be recorded", len(refused))
			d.agrees("full")
			must(t, ignoreFull(d.q.Close()))
			others.fill(t)
			// The start on a full disk may fail, but not hang, and must not harm.
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if q, err := queue.Open(ctx, d.opts); err == nil {
				must(t, ignoreFull(q.Close()))
			} else {
				t.Logf("a start on a full disk: %v", err)
			}
			others.free(t)
			d.reopen()
			d.agrees("reopened")
			d.deliverAll()
			must(t, d.q.Close())
		})
	}
}

// deliverAll acknowledges everything, many at once.
func (d *fullDisk) deliverAll() {
	d.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, id := range d.leaseAll() {
		wg.Go(func() {
			err := d.q.Ack(context.Background(), id, queue.Receipt{Proof: queue.ProofStored})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				d.t.Error(err)
			}
			delete(d.present, id)
		})
	}
	wg.Wait()
	d.agrees("all delivered")
}

func ignoreFull(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return nil
	}
	return err
}

func ignoreBroken(err error) error {
	if errors.Is(err, queue.ErrBroken) {
		return nil
	}
	return err
}
