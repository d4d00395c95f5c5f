//go:build linux && (amd64 || arm64)

package powercut

import (
	"sync"
	"time"
)

// kind is what an op does. The zero kind is invalid.
type kind uint8

const (
	opCreate   kind = iota + 1 // child, a new file, is called name in dir
	opMkdir                    // child, a new directory, is called name in dir
	opRemove                   // name in dir is no more
	opRename                   // name in dir becomes toName in toDir
	opWrite                    // data at off of node
	opTruncate                 // node is off bytes long
	opSync                     // what node has had done to it before covers is durable: contents of a file, names of a directory
	opNote                     // data is a note; see note.go
)

// op is one entry of the record.
type op struct {
	kind   kind
	seq    int // its place in the record as it was made; a changed record keeps it
	node   int // the file or directory that is changed; of names, the directory
	child  int // what is named
	name   string
	toDir  int
	toName string
	off    int64
	covers int // of a sync: the seq at its beginning
	data   []byte
}

// pace is how long an operation takes, on a directory or on a file. A slow disk is what makes calls overlap, and commits
// serve many.
type pace func(k kind, dir bool) time.Duration

// recorder is the record while it is made. Whoever changes what is recorded holds mu.
type recorder struct {
	pace pace // nil: at once

	mu    sync.Mutex
	ops   []op
	nodes int // handed out
}

// add is called with mu held.
func (r *recorder) add(o op) {
	o.seq = len(r.ops)
	r.ops = append(r.ops, o)
}

// newNode is called with mu held.
func (r *recorder) newNode() int {
	r.nodes++
	return r.nodes
}

func (r *recorder) length() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// record returns what has been recorded so far. Entries are never changed.
func (r *recorder) record() []op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ops[:len(r.ops):len(r.ops)]
}

// wait takes the time of an operation, before it happens.
func (r *recorder) wait(k kind, dir bool) {
	if r.pace != nil {
		time.Sleep(r.pace(k, dir))
	}
}

// sync records a sync that began now and ends later: it covers what was there when it began.
func (r *recorder) sync(node int, dir bool) {
	covers := r.length()
	r.wait(opSync, dir)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(op{kind: opSync, node: node, covers: covers})
}

func (r *recorder) note(text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(op{kind: opNote, data: append([]byte(nil), text...)})
}
