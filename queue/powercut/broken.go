//go:build linux && (amd64 || arm64)

package powercut

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"shelfagent/queue"
)

// A broken queue, made of the record of a right one: a sync that does not count is one that the code has not made, a
// note that has been moved is an answer that the code has given at another time.
type broken struct {
	name     string
	covering func(paths map[int]string) covering // nil: every sync counts
	change   func(ops []op) []op                 // nil: the record stays as it is
	catch    []string                            // the classes of faults of which at least one must be seen
}

var brokenQueues = []broken{
	{name: "payloads are not synced", covering: except(func(p string) bool { return depth(p, payloadPath) == 2 || inTmp(p) }),
		catch: []string{faultLost}},
	{name: "the directories of cameras are not synced", covering: except(func(p string) bool { return depth(p, payloadPath) == 1 }),
		catch: []string{faultLost}},
	{name: "the names of cameras are not synced", covering: except(func(p string) bool { return p == payloadPath }),
		catch: []string{faultLost}},
	{name: "the database is not synced", covering: except(func(p string) bool { return p == databasePath }),
		catch: []string{faultForgotten, faultResent, faultUnopened}},
	{name: "the database is synced once for a commit, behind its meta page", change: withoutDataSync,
		catch: []string{faultDamaged}},
	{name: "the name of the database is not synced", covering: unnamed, catch: []string{faultForgotten, faultResent}},
	{name: "the directory of the queue is not synced", covering: except(func(p string) bool { return p == queueDir }),
		catch: []string{faultLost}},
	{name: "the record is committed before the payload", change: recordFirst, catch: []string{faultHollow}},
	{name: "Put answers before its commit", change: answerPutEarly, catch: []string{faultForgotten}},
	{name: "Put answers before its payload is synced", change: answerPutAtOnce, catch: []string{faultLost}},
	{name: "Ack answers before its commit", change: answerAckEarly, catch: []string{faultResent}},
	{name: "Ack removes the payload before its commit", change: unlinkFirst, catch: []string{faultHollow}},
}

const (
	payloadPath  = queueDir + "/payload"
	databasePath = queueDir + "/queue.db"
	metaPages    = 2 * 4096 // bytes at the beginning of the database
)

// pathsOf returns the last path that each file and directory of a record has had.
func pathsOf(ops []op) map[int]string {
	paths := map[int]string{rootNode: ""}
	for _, o := range ops {
		switch o.kind {
		case opCreate, opMkdir:
			paths[o.child] = path.Join(paths[o.node], o.name)
		case opRename:
			paths[o.child] = path.Join(paths[o.toDir], o.toName)
		}
	}
	return paths
}

// depth is how far a path is below another; 0: it is not.
func depth(p, below string) int {
	rest, ok := strings.CutPrefix(p, below+"/")
	if !ok {
		return 0
	}
	return 1 + strings.Count(rest, "/")
}

func inTmp(p string) bool { return strings.HasPrefix(p, queueDir+"/tmp/new-") }

// except lets the syncs of some files or directories have no effect.
func except(of func(path string) bool) func(map[int]string) covering {
	return func(paths map[int]string) covering {
		return func(sync, _ op) bool { return !of(paths[sync.node]) }
	}
}

// unnamed lets the syncs of the queue's directory leave out the database.
func unnamed(map[int]string) covering {
	return func(_, earlier op) bool { return earlier.kind != opRename || earlier.toName != path.Base(databasePath) }
}

// withoutDataSync removes the first of the two syncs of each commit.
func withoutDataSync(ops []op) []op {
	paths := pathsOf(ops)
	meta := false // the last write was to a meta page
	return slices.DeleteFunc(slices.Clone(ops), func(o op) bool {
		if paths[o.node] != databasePath {
			return false
		}
		if o.kind == opWrite {
			meta = o.off < metaPages
		}
		return o.kind == opSync && !meta
	})
}

// move puts ops behind others, in their order.
type move struct {
	from   map[int]bool // positions that are left out
	behind map[int][]op // what comes behind a position
}

func newMove() move { return move{map[int]bool{}, map[int][]op{}} }

func (m move) take(at, behind int, o op) {
	m.from[at] = true
	m.behind[behind] = append(m.behind[behind], o)
}

func (m move) apply(ops []op) []op {
	moved := make([]op, 0, len(ops))
	for i, o := range ops {
		if !m.from[i] {
			moved = append(moved, o)
		}
		moved = append(moved, m.behind[i]...)
	}
	return moved
}

// recordFirst moves all that is done to a payload behind the commit of its record: the two syncs of the database that
// follow the sync of its directory. Put returns behind both, as it did.
func recordFirst(ops []op) []op {
	paths := pathsOf(ops)
	m := newMove()
	done := map[int][]int{} // by payload, what was done to it
	for i, o := range ops {
		switch {
		case o.kind == opCreate && depth(paths[o.child], payloadPath) == 2:
			done[o.child] = append(done[o.child], i)
		case o.kind == opRename && done[o.child] != nil:
			commit, dir := commitBehind(ops, i, paths)
			if commit < 0 {
				continue
			}
			for _, at := range append(done[o.child], i) {
				m.take(at, commit, ops[at])
			}
			m.behind[commit] = append(m.behind[commit], dir)
		case done[o.node] != nil:
			done[o.node] = append(done[o.node], i)
		}
	}
	return m.apply(ops)
}

// commitBehind returns the position at which a renamed payload's record has been committed, and the sync of its
// directory; -1: never.
func commitBehind(ops []op, rename int, paths map[int]string) (commit int, dir op) {
	syncs := 0
	for i := rename + 1; i < len(ops); i++ {
		switch o := ops[i]; {
		case o.kind != opSync:
		case dir.kind == 0:
			if o.node == ops[rename].toDir && o.covers > ops[rename].seq {
				dir = o
			}
		case paths[o.node] == databasePath:
			if syncs++; syncs == 2 {
				return i, dir
			}
		}
	}
	return -1, op{}
}

// moveEnds moves the notes that calls have returned to behind earlier positions, which where returns; -1: leave it.
func moveEnds(ops []op, did string, where func(id queue.ID, begin, end int) int) []op {
	m := newMove()
	begun := map[uint64]int{}
	for i, o := range ops {
		var n note
		if o.kind != opNote || json.Unmarshal(o.data, &n) != nil || n.Did != did {
			continue
		}
		if !n.Done {
			begun[n.Call] = i
		} else if at := where(n.ID, begun[n.Call], i); at >= 0 {
			m.take(i, at, o)
		}
	}
	return m.apply(ops)
}

// renameOf finds where a payload got its name.
func renameOf(ops []op, id queue.ID, from, to int, paths map[int]string) int {
	for i := from; i < to; i++ {
		if o := ops[i]; o.kind == opRename && path.Join(paths[o.toDir], o.toName) == path.Join(payloadPath, string(id)) {
			return i
		}
	}
	return -1
}

// answerPutEarly lets Put return when its payload's directory has been synced.
func answerPutEarly(ops []op) []op {
	paths := pathsOf(ops)
	return moveEnds(ops, didPut, func(id queue.ID, begin, end int) int {
		rename := renameOf(ops, id, begin, end, paths)
		if rename < 0 {
			return -1
		}
		for i := rename; i < end; i++ {
			if o := ops[i]; o.kind == opSync && o.node == ops[rename].toDir && o.covers > ops[rename].seq {
				return i
			}
		}
		return -1
	})
}

// answerPutAtOnce lets Put return before it has done anything.
func answerPutAtOnce(ops []op) []op {
	return moveEnds(ops, didPut, func(_ queue.ID, begin, _ int) int { return begin })
}

// answerAckEarly lets Ack return before it has done anything.
func answerAckEarly(ops []op) []op {
	return moveEnds(ops, didAck, func(_ queue.ID, begin, _ int) int { return begin })
}

// unlinkFirst lets Ack begin with the removal of the payload.
func unlinkFirst(ops []op) []op {
	paths := pathsOf(ops)
	begun := map[string]int{} // by path, the position at which its Ack begins
	m := newMove()
	for i, o := range ops {
		if o.kind == opNote {
			var n note
			if json.Unmarshal(o.data, &n) == nil && n.Did == didAck && !n.Done {
				begun[path.Join(payloadPath, string(n.ID))] = i
			}
		}
		if o.kind == opRemove {
			if at, ok := begun[path.Join(paths[o.node], o.name)]; ok {
				m.take(i, at, o)
			}
		}
	}
	return m.apply(ops)
}
