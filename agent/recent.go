package agent

import (
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/find"
	"shelfagent/agent/frame"
	"shelfagent/agent/status"
	"shelfagent/agent/trail"
	"shelfagent/queue"
)

// maxRecent is how many of the last files are remembered.
const maxRecent = 20

// recent remembers the last files that were taken in or rejected. What became of a frame is asked of the queue.
type recent struct {
	mu   sync.Mutex
	list []taken // oldest first
}

// taken is one file.
type taken struct {
	at           time.Time
	camera, file string
	captured     time.Time       // of a frame
	id           queue.ID        // of a frame
	sha256       [32]byte        // of a frame
	rejection    frame.Rejection // of a file that is none
}

func (r *recent) add(t taken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.id != "" { // a file that is found again is no other frame
		r.list = slices.DeleteFunc(r.list, func(known taken) bool { return known.id == t.id })
	}
	if len(r.list) >= maxRecent {
		r.list = slices.Delete(r.list, 0, len(r.list)-maxRecent+1)
	}
	r.list = append(r.list, t)
}

// fill takes what has left the queue last, so that a restart does not begin with nothing.
func (r *recent) fill(receipts []queue.Receipt) {
	for _, receipt := range slices.Backward(receipts) {
		r.add(taken{at: receipt.EnqueuedAt, camera: receipt.Camera, file: receipt.Source, captured: receipt.CapturedAt, id: receipt.ID, sha256: receipt.SHA256})
	}
}

// newest tells what became of them, newest first.
func (r *recent) newest(q *queue.Queue) []status.Recent {
	r.mu.Lock()
	list := slices.Clone(r.list)
	r.mu.Unlock()
	all := make([]status.Recent, 0, len(list))
	for _, t := range slices.Backward(list) {
		all = append(all, t.now(q))
	}
	return all
}

func (t taken) now(q *queue.Queue) status.Recent {
	now := status.Recent{At: t.at.UTC(), Camera: t.camera, File: t.file, CapturedAt: t.captured}
	if t.id == "" {
		now.State, now.Why = trail.Rejected, t.rejection.Code.Sentence()
		if string(t.rejection.Code) == capture.HeldBack {
			now.State = trail.HeldBack
		}
		return now
	}
	now.SHA256 = hex.EncodeToString(t.sha256[:])
	if it, err := q.Item(t.id); err == nil {
		now.State, now.Why = find.StateOf(it.State), it.LastError
		return now
	}
	if receipt, err := q.Receipt(t.id); err == nil {
		now.State, now.Why = find.StateOf(receipt.State()), receipt.Note
		return now
	}
	now.State, now.Why = "unknown", "the queue does not know it any more"
	return now
}
