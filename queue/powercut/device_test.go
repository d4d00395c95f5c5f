//go:build linux && (amd64 || arm64)

package powercut

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"
)

func needDevice(t *testing.T) {
	t.Helper()
	needFUSE(t)
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: NO POWER IS CUT UNDER EXT4: mounting a loop device takes root")
	}
	for _, tool := range []string{"mkfs.ext4", "e2fsck", "losetup", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: NO POWER IS CUT UNDER EXT4: %v; the packages are e2fsprogs and mount", err)
		}
	}
	if err := run("losetup", "--find"); err != nil {
		t.Skipf("SKIPPED: NO POWER IS CUT UNDER EXT4: no loop device: %v", err)
	}
}

// onDevice is a first start, a kill, and a start after it.
func onDevice() []shift {
	return []shift{
		{Cameras: 4, Putters: 16, Puts: 80, End: endClose},
		{Generation: 1, Cameras: 5, Putters: 16, Puts: 1 << 20, End: endKill, KillBy: 400},
		{Generation: 2, Cameras: 5, Putters: 16, Puts: 80, End: endExit},
	}
}

func newDeviceCutter(t *testing.T, mountOptions string, random *rand.Rand) *cutter {
	t.Helper()
	begin := time.Now()
	scratch := inMemory(t)
	d, ops, err := recordDevice(scratch, mountOptions, random, onDevice())
	if err != nil {
		t.Fatal(err)
	}
	flushes := 0
	for _, o := range ops {
		if o.kind == opSync {
			flushes++
		}
	}
	t.Logf("a record of %d operations, %d of them flushes, in %v", len(ops), flushes, time.Since(begin).Round(time.Millisecond))
	p, err := readPromises(ops)
	if err != nil {
		t.Fatal(err)
	}
	return &cutter{medium: d, ops: ops, promises: p, scratch: scratch, inspector: newInspector(t)}
}

func TestP1_P2_P3_P4_Ext4(t *testing.T) {
	needDevice(t)
	random := rand.New(rand.NewPCG(seed(t), 3))
	records, images := 1, 100
	if long() {
		records, images = 4, 500
	}
	look(t, records, images, 4*time.Second, func() *cutter { return newDeviceCutter(t, "noatime,commit=1", random) }, random)
}

// Without barriers ext4 tells the disk of no flush, and the rig must see what comes of it.
func TestExt4WithoutBarriersIsCaught(t *testing.T) {
	needDevice(t)
	random := rand.New(rand.NewPCG(seed(t), 4))
	c := newDeviceCutter(t, "noatime,commit=1,nobarrier", random)
	caught := func(s survey) bool { return s.faulty[faultLost] > 0 || s.faulty[faultForgotten] > 0 }
	s, err := c.run(400, random, func(s survey) bool { return !long() && caught(s) })
	if err != nil {
		t.Fatal(err)
	}
	t.Log(&s)
	for _, f := range s.seen {
		t.Log("for example: ", f)
	}
	if !caught(s) {
		t.Error("not caught")
	}
}
