package queue

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"shelfagent/queue/slowdisk"
)

func TestMain(m *testing.M) {
	slowdisk.Main()
	if len(os.Args) == 3 && os.Args[1] == "check" {
		os.Exit(CheckExitCode(CheckFile(os.Args[2])))
	}
	if dir := os.Getenv("QUEUE_TEST_WORK"); dir != "" {
		work(dir)
		os.Exit(0)
	}
	if dir := os.Getenv(startEnv); dir != "" {
		if err := start(dir); err != nil {
			fmt.Fprintln(os.Stderr, "start:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// checkedOptions have the database checked in a child, as the program on the rig does.
func checkedOptions(t testing.TB, dir string) Options {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	opts := testOptions(dir)
	opts.CheckCommand = []string{self, "check"}
	return opts
}

// closedQueue makes a queue with an item in each state, closes it uncleanly, and returns their IDs.
func closedQueue(t testing.TB, opts Options) (waiting, deferred, parked, delivered ID) {
	t.Helper()
	ctx := context.Background()
	q := openTest(t, opts)
	delivered = mustPut(t, q, frameOf("cam-1", 1)).ID
	mustLease(t, q, 1)
	must(t, q.Ack(ctx, delivered, Receipt{Proof: ProofStored}))
	parked = mustPut(t, q, frameOf("cam-1", 2)).ID
	mustLease(t, q, 1)
	must(t, q.Bury(ctx, parked, "refused", "policy"))
	deferred = mustPut(t, q, frameOf("cam-2", 3)).ID
	mustLease(t, q, 1)
	must(t, q.Defer(ctx, deferred, Deferral{Until: time.Now().Add(time.Hour)}))
	waiting = mustPut(t, q, frameOf("cam-1", 4)).ID
	must(t, q.Close())
	must(t, os.Remove(q.markerPath()))
	return waiting, deferred, parked, delivered
}

func TestP4_PayloadWithoutRecordIsAdopted(t *testing.T) {
	opts := testOptions(t.TempDir())
	q := openTest(t, opts)
	n := frameOf("cam-1", 1)
	it, err := n.item(time.Now())
	must(t, err)
	must(t, q.putPayload(it, n.Payload))
	q = reopen(t, q, false)
	if h := q.Healed(); h.Adopted != 1 || !h.Done {
		t.Errorf("healed %+v", h)
	}
	got, err := q.Item(it.ID)
	must(t, err)
	if !got.Rebuilt || got.MD5 != md5.Sum(n.Payload) || got.Bytes != it.Bytes || got.ContentType != "image/jpeg" {
		t.Errorf("adopted %+v", got)
	}
	if again := mustPut(t, q, n); again.ID != it.ID {
		t.Errorf("P3: %+v", again)
	}
	wantStats(t, q, 1, 0, 0, 0, 0)
}

func TestP4_OddFilesArePutAside(t *testing.T) {
	opts := testOptions(t.TempDir())
	q := openTest(t, opts)
	it := mustPut(t, q, frameOf("cam-1", 1))
	torn, err := frameOf("cam-1", 2).item(time.Now())
	must(t, err)
	must(t, os.WriteFile(q.payloadPath(torn.ID), []byte("pict"), 0o600))
	must(t, os.WriteFile(filepath.Join(q.payloadDir("cam-1"), "notes.txt"), []byte("x"), 0o600))
	must(t, os.Symlink("/etc/passwd", filepath.Join(q.payloadDir("cam-1"), filepath.Base(string(torn.ID))[:88]+".png")))
	must(t, os.Mkdir(filepath.Join(opts.Dir, "payload", "lost+found"), 0o700))
	must(t, os.WriteFile(filepath.Join(opts.Dir, "tmp", "new-1"), []byte("x"), 0o600))
	q = reopen(t, q, false)
	if h := q.Healed(); h.Aside != 2 || h.Damaged != 1 || h.Adopted != 1 {
		t.Errorf("healed %+v", h)
	}
	if got, err := q.Item(torn.ID); err != nil || got.State != Parked || got.Reason != ReasonDamaged {
		t.Errorf("torn: %+v, %v", got, err)
	}
	kept, err := filepath.Glob(filepath.Join(opts.Dir, "damaged", "*", "payload", "cam-1", "*"))
	if err != nil || len(kept) != 3 {
		t.Errorf("kept %v, %v", kept, err)
	}
	if left, _ := os.ReadDir(q.disk.tmp); len(left) != 0 {
		t.Errorf("tmp: %v", left)
	}
	if got := mustLease(t, q, 9); len(got) != 1 || got[0].ID != it.ID {
		t.Errorf("leased %v", got)
	}
	// The source is still there, and brings what was torn.
	if again := mustPut(t, q, frameOf("cam-1", 2)); again.State != Waiting || again.Rebuilt {
		t.Errorf("P1: %+v", again)
	}
	wantStats(t, q, 1, 0, 1, 0, 0)
}

func TestP4_RecordWithoutPayloadIsReported(t *testing.T) {
	opts := testOptions(t.TempDir())
	waiting, deferred, _, _ := closedQueue(t, opts)
	for _, id := range []ID{waiting, deferred} {
		must(t, os.Remove(filepath.Join(opts.Dir, "payload", string(id))))
	}
	q := openTest(t, opts)
	if h := q.Healed(); h.Missing != 2 {
		t.Errorf("healed %+v", h)
	}
	it, err := q.Item(waiting)
	must(t, err)
	if it.State != Parked || it.Reason != ReasonMissing || it.LastError == "" {
		t.Errorf("%+v", it)
	}
	wantStats(t, q, 0, 0, 0, 3, 1)
	if again := mustPut(t, q, frameOf("cam-1", 4)); again.State != Waiting {
		t.Errorf("P1: the source is back: %+v", again)
	}
	must(t, q.Drop(context.Background(), deferred, "lost with the disk"))
	q = reopen(t, q, false)
	if h := q.Healed(); h.Missing != 0 {
		t.Errorf("said twice: %+v", h)
	}
	wantStats(t, q, 1, 0, 0, 1, 1)
}

func TestP4_PayloadOfWrongSizeIsParked(t *testing.T) {
	opts := testOptions(t.TempDir())
	waiting, _, _, _ := closedQueue(t, opts)
	must(t, os.Truncate(filepath.Join(opts.Dir, "payload", string(waiting)), 3))
	q := openTest(t, opts)
	if it, err := q.Item(waiting); err != nil || it.Reason != ReasonDamaged {
		t.Errorf("%+v, %v", it, err)
	}
}

// Every bit of every record: what is read afterwards is either right or known to be made again.
func TestP4_FlippedRecords(t *testing.T) {
	opts := testOptions(t.TempDir())
	q := openTest(t, opts)
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	want, err := q.Item(id)
	must(t, err)
	var sound []byte
	must(t, q.store.view(func(tx *bolt.Tx) error {
		sound = bytes.Clone(tx.Bucket(bucketReady).Get([]byte(id)))
		return nil
	}))
	for bit := range len(sound) * 8 {
		flipped := bytes.Clone(sound)
		flipped[bit/8] ^= 1 << (bit % 8)
		it, err := q.decode([]byte(id), flipped, Waiting)
		must(t, err)
		if !it.Rebuilt || it.ID != want.ID || it.SHA256 != want.SHA256 || it.Bytes != want.Bytes || it.State != Waiting {
			t.Fatalf("bit %d: %+v", bit, it)
		}
	}
	if _, err := decodeItem([]byte(frameOf("cam-1", 2).mustID()), sound, Waiting); !errors.Is(err, errRecord) {
		t.Errorf("a record is believed under another's key: %v", err)
	}
	// Once through the database: it is leased with the digest read again.
	sound[len(sound)/2] ^= 1
	must(t, q.store.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketReady).Put([]byte(id), sound) }))
	got := mustLease(t, q, 1)
	if len(got) != 1 || !got[0].Rebuilt || got[0].MD5 != want.MD5 || got[0].Attempts != 1 {
		t.Errorf("leased %+v", got)
	}
	q = reopen(t, q, false)
	if h := q.Healed(); h.Records != 0 {
		t.Errorf("made again twice: %+v", h)
	}
}

func TestP4_FlippedRecordsAreMadeAgainAtOpen(t *testing.T) {
	opts := testOptions(t.TempDir())
	closedQueue(t, opts)
	db, err := bolt.Open(filepath.Join(opts.Dir, "queue.db"), 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketReady, bucketDeferred, bucketParked, bucketCameras, bucketReceipts} {
			key, value := tx.Bucket(name).Cursor().First()
			value = bytes.Clone(value)
			value[len(value)-3] ^= 4
			if err := tx.Bucket(name).Put(bytes.Clone(key), value); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, db.Close())
	q := openTest(t, opts)
	if h := q.Healed(); h.Records != 3 || h.Recount == 0 || h.Damage != "" {
		t.Errorf("healed %+v", h)
	}
	wantStats(t, q, 2, 0, 0, 1, 0) // the deferral's time is lost, and so is the count of deliveries of one camera
	q = reopen(t, q, false)
	if h := q.Healed(); h.Records != 0 || h.Recount != 0 {
		t.Errorf("healed again %+v", h)
	}
}

// Whatever becomes of the database file, the queue opens and has every frame that it owed.
func TestP4_DamagedDatabase(t *testing.T) {
	master := testOptions(t.TempDir())
	waiting, deferred, parked, _ := closedQueue(t, master)
	sound, err := os.ReadFile(filepath.Join(master.Dir, "queue.db"))
	must(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	stories := map[string][]byte{
		"empty":     {},
		"garbage":   bytes.Repeat([]byte("not a database "), 999),
		"zeroes":    make([]byte, len(sound)),
		"one page":  sound[:4096],
		"two pages": sound[:8192],
		"half":      sound[:len(sound)/2],
		"no metas":  append(make([]byte, 8192), sound[8192:]...),
	}
	rounds := 12
	if testing.Short() {
		rounds = 2
	}
	for n := range rounds {
		torn := bytes.Clone(sound)
		for range 1 + n*8 {
			torn[random.IntN(len(torn))] ^= 1 << random.IntN(8)
		}
		stories["flips "+string(rune('a'+n))] = torn
		stories["cut "+string(rune('a'+n))] = sound[:random.IntN(len(sound))]
	}
	for name, content := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := checkedOptions(t, t.TempDir())
			must(t, os.CopyFS(opts.Dir, os.DirFS(master.Dir)))
			must(t, os.WriteFile(filepath.Join(opts.Dir, "queue.db"), content, 0o600))
			q := openTest(t, opts)
			h := q.Healed()
			if h.MovedTo != "" {
				if kept, err := os.ReadFile(h.MovedTo); err != nil || !bytes.Equal(kept, content) {
					t.Errorf("the damaged database was not kept: %v", err)
				}
				if !strings.Contains(h.MovedTo, "damaged") || h.Damage == "" {
					t.Errorf("healed %+v", h)
				}
			}
			for id, state := range map[ID]State{waiting: Waiting, deferred: Deferred, parked: Parked} {
				it, err := q.Item(id)
				if err != nil || it.Bytes == 0 {
					t.Errorf("P1: %s: %+v, %v", id, it, err)
				}
				// What was believed must be right: the damage was in pages that are not in use.
				if !it.Rebuilt && (it.State != state || it.Source == "") {
					t.Errorf("%s: %+v", id, it)
				}
			}
			for _, it := range mustLease(t, q, 9) {
				must(t, q.Ack(context.Background(), it.ID, Receipt{Proof: ProofExists}))
			}
			must(t, q.Close())
		})
	}
}

func TestP4_DeletedDatabase(t *testing.T) {
	opts := testOptions(t.TempDir())
	closedQueue(t, opts)
	must(t, os.Remove(filepath.Join(opts.Dir, "queue.db")))
	q := openTest(t, opts)
	if h := q.Healed(); h.Adopted != 3 {
		t.Errorf("healed %+v", h)
	}
	wantStats(t, q, 3, 0, 0, 0, 0)
}

// The database is damaged and the disk is full: the reserve makes room for a new one.
func TestP4_HealsOnAFullDisk(t *testing.T) {
	for name, reserve := range map[string]int64{"with a reserve": 4096, "without": -1} {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t.TempDir())
			opts.Reserve = reserve
			closedQueue(t, opts)
			must(t, os.Truncate(filepath.Join(opts.Dir, "queue.db"), 5000))
			f := &faults{}
			f.arm(1, stepCreate, syscall.ENOSPC)
			q, err := open(t.Context(), opts, f.hook)
			if !f.fired() {
				t.Fatal("nothing was created")
			}
			if reserve < 0 {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Open: %v", err)
				}
				q, err = open(t.Context(), opts, nil) // there is room now
			}
			must(t, err)
			must(t, q.WaitHealed(t.Context()))
			if h := q.Healed(); h.Adopted != 3 {
				t.Errorf("healed %+v", h)
			}
			must(t, q.Close())
		})
	}
}

func TestCheckCommand(t *testing.T) {
	for name, story := range map[string]struct {
		command []string
		damaged bool
	}{
		"says that it is good":       {[]string{"true"}, false},
		"says that it is damaged":    {[]string{"sh", "-c", "exit 3"}, true},
		"dies of a panic":            {[]string{"sh", "-c", "exit 2"}, true},
		"dies of a fault":            {[]string{"sh", "-c", "kill -SEGV $$"}, true},
		"is killed for want of room": {[]string{"sh", "-c", "kill -9 $$"}, false},
		"does not know the command":  {[]string{"sh", "-c", "exit 1"}, false},
		"is not there":               {[]string{"/nonexistent/check"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t.TempDir())
			closedQueue(t, opts)
			opts.CheckCommand = story.command
			q := openTest(t, opts)
			if h := q.Healed(); (h.MovedTo != "") != story.damaged {
				t.Errorf("healed %+v", h)
			}
			if n := q.Stats().Pending() + q.Stats().Parked; n != 3 {
				t.Errorf("%d items", n)
			}
		})
	}
}

// A database that another program has open is not damaged, and one that cannot be opened for want of descriptors is
// not either.
func TestP4_AHeldDatabaseIsNotDamaged(t *testing.T) {
	opts := testOptions(t.TempDir())
	closedQueue(t, opts)
	path := filepath.Join(opts.Dir, "queue.db")
	held, err := bolt.Open(path, 0o600, nil)
	must(t, err)
	err = CheckFile(path)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Path != path || errors.Is(err, errDamaged) || CheckExitCode(err) != checkUnknown {
		t.Errorf("CheckFile: %v", err)
	}
	opts.LockTimeout = 100 * time.Millisecond
	if q, err := Open(t.Context(), opts); !errors.As(err, &locked) {
		t.Errorf("Open: %v, %v", q, err)
	}
	must(t, held.Close())
	if h := openTest(t, opts).Healed(); h.Damage != "" || h.MovedTo != "" {
		t.Errorf("healed %+v", h)
	}
}
