//go:build linux && (amd64 || arm64)

package powercut

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// recordOf is the record of a disk of one directory, 2, and one file in it, 3, unless more is done.
func recordOf(more ...op) []op {
	ops := append([]op{
		{kind: opMkdir, node: 1, child: 2, name: "a"},
		{kind: opSync, node: 1, covers: 1},
		{kind: opCreate, node: 2, child: 3, name: "x"},
		{kind: opWrite, node: 3, data: []byte("old")},
	}, more...)
	for i := range ops {
		ops[i].seq = i
		if ops[i].kind == opSync && ops[i].covers == 0 {
			ops[i].covers = i
		}
	}
	return ops
}

func TestReplayKeepsToTheLetter(t *testing.T) {
	syncFile, syncDir := op{kind: opSync, node: 3}, op{kind: opSync, node: 2}
	mkdirB := op{kind: opMkdir, node: 1, child: 4, name: "b"}
	syncRoot, syncB := op{kind: opSync, node: 1}, op{kind: opSync, node: 4}
	move := op{kind: opRename, node: 2, child: 3, name: "x", toDir: 4, toName: "y"}
	for name, row := range map[string]struct {
		ops  []op
		lost string // what there is when nothing is kept that was not synced
		kept string
	}{
		"a name is lost with its directory's sync, whatever was synced": {recordOf(syncFile), "a/", "a/ a/x=old"},
		"a name without contents is an empty file":                      {recordOf(syncDir), "a/ a/x=", "a/ a/x=old"},
		"both are durable when both are synced":                         {recordOf(syncFile, syncDir), "a/ a/x=old", "a/ a/x=old"},
		"a write behind a sync is not covered by it": {
			recordOf(syncFile, syncDir, op{kind: opWrite, node: 3, off: 1, data: []byte("NEW")}), "a/ a/x=old", "a/ a/x=oNEW"},
		"a write beside a sync is not covered by it": {
			recordOf(syncDir, op{kind: opSync, node: 3, covers: 3}), "a/ a/x=", "a/ a/x=old"},
		"a file is cut": {
			recordOf(syncFile, syncDir, op{kind: opTruncate, node: 3, off: 1}), "a/ a/x=old", "a/ a/x=o"},
		"a file that is removed comes back": {
			recordOf(syncFile, syncDir, op{kind: opRemove, node: 2, name: "x"}), "a/ a/x=old", "a/"},
		"a directory takes all that is below with it": {
			recordOf(mkdirB, op{kind: opCreate, node: 4, child: 5, name: "z"}, syncB), "a/", "a/ a/x=old b/ b/z="},
		"a rename that is not synced has not been": {
			recordOf(syncFile, syncDir, mkdirB, syncRoot, move), "a/ a/x=old b/", "a/ b/ b/y=old"},
		"the sync of where it goes leaves where it comes from open": {
			recordOf(syncFile, syncDir, mkdirB, syncRoot, move, syncB), "a/ a/x=old b/ b/y=old", "a/ b/ b/y=old"},
		"the sync of where it comes from does not name it anew": {
			recordOf(syncFile, syncDir, mkdirB, syncRoot, move, syncDir), "a/ b/", "a/ b/ b/y=old"},
		"a rename within a directory is whole": {
			recordOf(syncFile, syncDir, op{kind: opRename, node: 2, child: 3, name: "x", toDir: 2, toName: "y"}, syncDir),
			"a/ a/y=old", "a/ a/y=old"},
	} {
		t.Run(name, func(t *testing.T) {
			r := strictDisk{}.begin(row.ops, nil)
			r.advance(len(row.ops))
			for policy, want := range map[string]string{"lost": row.lost, "kept": row.kept} {
				if got := list(r.state(keeping{policy: policy})); got != want {
					t.Errorf("%s: %q, want %q", policy, got, want)
				}
			}
		})
	}
}

func list(entries []entry) string {
	var words []string
	for _, e := range entries {
		if e.dir {
			words = append(words, e.path+"/")
		} else {
			words = append(words, fmt.Sprintf("%s=%s", e.path, e.data))
		}
	}
	return strings.Join(words, " ")
}

// A subset keeps a rename or does not, in both directories; a torn write has whole sectors of the one or the other.
func TestKeeping(t *testing.T) {
	move := op{kind: opRename, node: 2, child: 3, name: "x", toDir: 4, toName: "y"}
	ops := recordOf(op{kind: opSync, node: 3}, op{kind: opSync, node: 2}, op{kind: opMkdir, node: 1, child: 4, name: "b"},
		op{kind: opSync, node: 1}, move, op{kind: opWrite, node: 3, off: 100, data: bytes.Repeat([]byte("n"), 2000)})
	r := strictDisk{}.begin(ops, nil)
	r.advance(len(ops))
	outcomes, torn := map[string]bool{}, 0
	for seed := range uint64(200) {
		k := keeping{policy: "torn", share: 0.5, seed: seed, sector: 512}
		files := 0
		for _, e := range r.state(k) {
			if e.dir {
				continue
			}
			files++
			outcomes[e.path] = true
			for from := 0; from < len(e.data); from += 512 {
				sector := e.data[min(max(from, 100), len(e.data)):min(from+512, len(e.data))]
				if n := bytes.Count(sector, []byte("n")); n != 0 && n != len(sector) {
					t.Fatalf("seed %d: a sector is torn at %d: %q", seed, from, sector)
				}
			}
			if n := bytes.Count(e.data, []byte("n")); n > 0 && n < 2000 {
				torn++
			}
		}
		if files != 1 {
			t.Fatalf("seed %d: the file has %d names", seed, files)
		}
	}
	if !outcomes["a/x"] || !outcomes["b/y"] || torn < 50 {
		t.Errorf("of 200: names %v, %d torn", outcomes, torn)
	}
}
