//go:build linux && (amd64 || arm64)

package powercut

import (
	"maps"
	"path"
	"slices"
)

// covering tells whether a sync makes an earlier op of the same file or directory durable. Nil: as it should.
type covering func(sync, earlier op) bool

// replay is a disk at a position of a record: of each file and directory, what is durable, and what was done since.
type replay struct {
	covering covering
	ops      []op
	at       int // ops before it have happened
	nodes    map[int]*node
}

// node is a file or a directory.
type node struct {
	dir     bool
	data    []byte         // of a file: durable
	names   map[string]int // of a directory: durable
	pending []int          // indexes of what is not
}

// advance lets everything before a position happen.
func (r *replay) advance(to int) {
	for ; r.at < to; r.at++ {
		switch o := r.ops[r.at]; o.kind {
		case opCreate:
			r.nodes[o.child] = &node{}
			r.pend(o.node)
		case opMkdir:
			r.nodes[o.child] = &node{dir: true, names: map[string]int{}}
			r.pend(o.node)
		case opRename:
			r.pend(o.node)
			if o.toDir != o.node {
				r.pend(o.toDir)
			}
		case opRemove, opWrite, opTruncate:
			r.pend(o.node)
		case opSync:
			r.sync(o)
		}
	}
}

func (r *replay) pend(id int) { r.nodes[id].pending = append(r.nodes[id].pending, r.at) }

func (r *replay) sync(s op) {
	n := r.nodes[s.node]
	n.pending = slices.DeleteFunc(n.pending, func(i int) bool {
		o := r.ops[i]
		if o.seq >= s.covers || r.covering != nil && !r.covering(s, o) {
			return false
		}
		if n.dir {
			o.rename(n.names, s.node)
		} else {
			n.data = o.write(n.data)
		}
		return true
	})
}

// open counts the changes since a position that are not durable. A rename between directories counts in both.
func (r *replay) open(since int) (n int) {
	for _, node := range r.nodes {
		from, _ := slices.BinarySearch(node.pending, since)
		n += len(node.pending) - from
	}
	return n
}

// rename does to the names of one directory what an op does to them.
func (o op) rename(names map[string]int, dir int) {
	switch o.kind {
	case opCreate, opMkdir:
		names[o.name] = o.child
	case opRemove:
		delete(names, o.name)
	case opRename:
		if o.node == dir {
			delete(names, o.name)
		}
		if o.toDir == dir {
			names[o.toName] = o.child
		}
	}
}

// write does to the contents of a file what an op does to them.
func (o op) write(data []byte) []byte {
	if o.kind == opTruncate {
		return resize(data, o.off)
	}
	return overwrite(data, o.data, o.off)
}

// entry is a file or directory of a state; entries come after the directory that they are in.
type entry struct {
	path string
	dir  bool
	data []byte // not to be changed
}

// state is the disk as a cut leaves it, if it has kept that of what was not synced.
func (r *replay) state(k keeping) []entry {
	var entries []entry
	var walk func(at string, id int)
	walk = func(at string, id int) {
		n := r.nodes[id]
		if !n.dir {
			entries = append(entries, entry{path: at, data: r.contents(n, k)})
			return
		}
		if at != "" {
			entries = append(entries, entry{path: at, dir: true})
		}
		names := n.names
		if len(n.pending) > 0 {
			names = maps.Clone(names)
			for _, i := range n.pending {
				if k.name(i) {
					r.ops[i].rename(names, id)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			walk(path.Join(at, name), names[name])
		}
	}
	walk("", rootNode)
	return entries
}

// contents of a file, of whose unsynced writes only a part is kept, perhaps sector by sector.
func (r *replay) contents(n *node, k keeping) []byte {
	data, copied := n.data, false
	for _, i := range n.pending {
		o := r.ops[i]
		if !k.touches(i) {
			continue
		}
		if !copied {
			data, copied = slices.Clone(data), true
		}
		if o.kind == opTruncate || k.sector == 0 {
			if k.sector == 0 || k.part(i, -1) {
				data = o.write(data)
			}
			continue
		}
		for from := 0; from < len(o.data); {
			at := o.off + int64(from)
			to := min(len(o.data), from+k.sector-int(at%int64(k.sector)))
			if k.part(i, at/int64(k.sector)) {
				data = overwrite(data, o.data[from:to], at)
			}
			from = to
		}
	}
	return data
}
