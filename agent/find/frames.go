package find

import (
	"context"
	"fmt"
	"time"

	"shelfagent/agent/desk"
	"shelfagent/agent/frame"
	"shelfagent/agent/trail"
	"shelfagent/queue"
)

// queue looks among the frames that are, or were, in the queue.
func (p Places) queue(ctx context.Context, q trail.Query, a *trail.Answer) error {
	filter := queue.Filter{Camera: q.Camera, Since: q.Since, Until: q.Until, Source: q.File, SHA256: q.Digest}
	found, err := p.Desk.Find(ctx, filter, Most)
	if err != nil {
		return err
	}
	a.Searched.Queue, a.Searched.ReceiptsSince, a.More = true, found.ReceiptsSince, found.More
	for _, f := range found.Frames {
		a.Trails = append(a.Trails, ofFrame(f, time.Now()))
	}
	return nil
}

var states = map[queue.State]trail.State{
	queue.Waiting: trail.Waiting, queue.Deferred: trail.Deferred, queue.Leased: trail.Leased, queue.Parked: trail.Parked,
	queue.Delivered: trail.Delivered, queue.Dropped: trail.Dropped,
}

// StateOf is the state of a trail whose frame is in this state of the queue.
func StateOf(s queue.State) trail.State { return states[s] }

// timeSources says where a capture time comes from, by what travels with the frame as "time_source".
var timeSources = map[string]string{
	string(frame.TimeEXIF):      " by the camera's clock",
	string(frame.TimeEXIFLocal): " by the camera's clock, read as the shop's local time",
	string(frame.TimeMod):       " by the file's modification time: the camera wrote none that can be believed",
}

func ofFrame(f desk.Frame, now time.Time) trail.Trail {
	t := trail.Trail{
		State: states[f.State], Camera: f.Camera, File: f.Source, CapturedAt: f.CapturedAt, Bytes: f.Bytes, ID: string(f.ID),
		SHA256: f.SHA256, Key: f.Key,
	}
	source := "its file name is lost, because the queue's record had to be made again; captured then"
	if f.Source != "" {
		source = f.Source + ", captured then"
	}
	add := func(at time.Time, what trail.What, format string, args ...any) {
		t.Steps = append(t.Steps, trail.Step{At: at, What: what, Text: fmt.Sprintf(format, args...)})
	}
	add(f.CapturedAt, trail.Seen, "%s%s", source, timeSources[f.Metadata["time_source"]])
	add(f.QueuedAt, trail.WasQueued, "valid, private, and safe in the queue")
	if made := triesMade(f); made > 0 {
		add(time.Time{}, trail.Tried, "%s", tries(f, made))
	}
	switch f.State {
	case queue.Deferred:
		add(f.NotBefore, trail.NotBefore, "the next try is put off until then")
	case queue.Leased:
		add(time.Time{}, trail.OnItsWay, "a transfer is under way")
	case queue.Parked:
		add(time.Time{}, trail.WasParked, "%s: %s", f.Reason, f.LastError)
	case queue.Delivered:
		add(f.LeftAt, trail.WasDelivered, "%s", proofs[f.Proof])
	case queue.Dropped:
		add(f.LeftAt, trail.WasDropped, "%s", drop(f))
	}
	t.Now, t.Do = standing(f, now)
	return t
}

// proofs says how it was proven that the bucket holds a frame.
var proofs = map[string]string{
	queue.ProofStored: "S3 stored exactly these bytes and confirmed their SHA-256",
	queue.ProofExists: "S3 held this key already, and the key names the SHA-256",
}

// triesMade counts those that have ended.
func triesMade(f desk.Frame) int {
	if f.State == queue.Leased {
		return f.Attempts - 1
	}
	return f.Attempts
}

func tries(f desk.Frame, made int) string {
	text := fmt.Sprintf("%d tries were made", made)
	if made == 1 {
		text = "1 try was made"
	}
	if f.LastError != "" && f.State != queue.Parked {
		text += "; the last failed: " + f.LastError
	}
	return text
}

func drop(f desk.Frame) string {
	by := f.By
	if by == "" {
		by = "the agent"
	}
	return fmt.Sprintf("by %s: %s", by, f.Note)
}

// standing is where a frame stands, and what there is to do about it.
func standing(f desk.Frame, now time.Time) (stands, do string) {
	switch f.State {
	case queue.Delivered:
		return "It is in the bucket, proven, at " + f.Key + ".", ""
	case queue.Dropped:
		return "It was given up and is not in the bucket; nothing but this receipt is left of it.",
			"If the camera still has the picture, copy it to the capture folder again under a new name."
	case queue.Parked:
		return "It waits in the queue for a person.", "Remove the cause, then: sudo shelf-agent queue retry " + f.SHA256[:12]
	case queue.Leased:
		return "It is being uploaded at this moment.", ""
	case queue.Deferred:
		if f.NotBefore.After(now) {
			return "It waits in the queue, and is tried again by itself.", ""
		}
	}
	if f.LastError != "" {
		return "It waits in the queue for its turn. The last error: " + f.LastError, ""
	}
	return "It waits in the queue for its turn.", ""
}
