//go:build linux && (amd64 || arm64)

package powercut

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"shelfagent/queue"
)

// story tells what a record says of a frame up to a cut and shortly after it: a record cannot be made a second time, and
// a fault must be understood from what is printed of it. Syncs of the database are told where they are next to
// something else.
func story(ops []op, id queue.ID, cut int) string {
	paths := pathsOf(ops)
	payload := path.Join(payloadPath, string(id))
	var lines []string
	commit := "" // the last sync of the database, not told yet
	for at, o := range ops[:min(len(ops), cut+recent)] {
		if at == cut {
			lines = append(lines, fmt.Sprintf("%6d -------- cut", at))
		}
		what := o.tell(paths)
		switch {
		case o.kind == opSync && paths[o.node] == databasePath:
			commit = fmt.Sprintf("%6d %s", at, what)
			continue
		case o.kind == opNote && strings.Contains(what, string(id)):
		case o.kind != opNote && (strings.HasSuffix(what, payload) || o.kind == opSync && paths[o.node] == path.Dir(payload)):
		default:
			continue
		}
		if commit != "" {
			lines, commit = append(lines, commit), ""
		}
		lines = append(lines, fmt.Sprintf("%6d %s", at, what))
	}
	const most = 60
	return strings.Join(slices.Concat([]string{string(id)}, lines[max(0, len(lines)-most):]), "\n")
}

// tell describes an op; what it is done to comes last.
func (o op) tell(paths map[int]string) string {
	at := path.Join(paths[o.node], o.name)
	switch o.kind {
	case opCreate:
		return "create " + paths[o.child]
	case opMkdir:
		return "mkdir " + at
	case opRemove:
		return "remove " + at
	case opRename:
		return fmt.Sprintf("rename %s to %s", at, path.Join(paths[o.toDir], o.toName))
	case opWrite:
		return fmt.Sprintf("write %d bytes at %d of %s", len(o.data), o.off, at)
	case opTruncate:
		return fmt.Sprintf("truncate to %d bytes %s", o.off, at)
	case opSync:
		return fmt.Sprintf("sync of what was before %d of %s", o.covers, at)
	}
	return "note " + string(o.data)
}
