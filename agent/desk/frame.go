package desk

import (
	"encoding/hex"
	"time"

	"shelfagent/queue"
)

// Frame is a frame in the queue, or the receipt of one that has left. It is a document of the API: names in it are
// stable, new ones may be added. Times are UTC.
type Frame struct {
	ID          queue.ID          `json:"id"`
	State       queue.State       `json:"state"`
	Camera      string            `json:"camera"`
	CapturedAt  time.Time         `json:"captured_at"`
	QueuedAt    time.Time         `json:"queued_at"`
	Bytes       int64             `json:"bytes"`
	SHA256      string            `json:"sha256"`
	ContentType string            `json:"content_type,omitempty"`
	Source      string            `json:"source,omitempty"` // the original file name
	Metadata    map[string]string `json:"metadata,omitempty"`
	Attempts    int               `json:"attempts"`
	NotBefore   time.Time         `json:"not_before,omitzero"` // when deferred
	LastError   string            `json:"last_error,omitempty"`
	Reason      string            `json:"reason,omitempty"`  // code, when parked
	Rebuilt     bool              `json:"rebuilt,omitempty"` // its record was lost and made again

	// Of one that has left.
	LeftAt time.Time `json:"left_at,omitzero"`
	Proof  string    `json:"proof,omitempty"`
	Key    string    `json:"key,omitempty"`
	ETag   string    `json:"etag,omitempty"`
	By     string    `json:"by,omitempty"`   // who dropped it
	Note   string    `json:"note,omitempty"` // why
}

// Left tells whether only the receipt is there.
func (f Frame) Left() bool { return f.State == queue.Delivered || f.State == queue.Dropped }

func frameOf(it queue.Item) Frame {
	return Frame{
		ID: it.ID, State: it.State, Camera: it.Camera, CapturedAt: it.CapturedAt, QueuedAt: it.EnqueuedAt, Bytes: it.Bytes,
		SHA256: hex.EncodeToString(it.SHA256[:]), ContentType: it.ContentType, Source: it.Source, Metadata: it.Metadata,
		Attempts: it.Attempts, NotBefore: it.NotBefore, LastError: it.LastError, Reason: it.Reason, Rebuilt: it.Rebuilt,
	}
}

func frameOfReceipt(r queue.Receipt) Frame {
	return Frame{
		ID: r.ID, State: r.State(), Camera: r.Camera, CapturedAt: r.CapturedAt, QueuedAt: r.EnqueuedAt, Bytes: r.Bytes,
		SHA256: hex.EncodeToString(r.SHA256[:]), Source: r.Source, Attempts: r.Attempts,
		LeftAt: r.DeliveredAt, Proof: r.Proof, Key: r.Key, ETag: r.ETag, By: r.By, Note: r.Note,
	}
}

// Found is what is known of the frames that were looked for.
type Found struct {
	Frames []Frame `json:"frames"`
	More   bool    `json:"more,omitempty"` // there are more than were asked for
	// ReceiptsSince is when the frame of the oldest receipt left: what left before is not known any more. Zero: nothing
	// has left yet.
	ReceiptsSince time.Time `json:"receipts_since,omitzero"`
}

// Stats is the queue in numbers. Waiting, deferred, leased and parked add up to all frames; delivered and dropped count
// since the queue was made.
type Stats struct {
	Counts
	OldestCaptured time.Time     `json:"oldest_captured,omitzero"` // of what is to be delivered
	NextDue        time.Time     `json:"next_due,omitzero"`        // of what is deferred
	MaxBytes       int64         `json:"max_bytes"`
	MinFree        int64         `json:"min_free"`
	DiskTotal      int64         `json:"disk_total"`
	DiskFree       int64         `json:"disk_free"`
	Cameras        []CameraStats `json:"cameras"`
}

// Counts are the frames in each state.
type Counts struct {
	Waiting   int64 `json:"waiting"`
	Deferred  int64 `json:"deferred"`
	Leased    int64 `json:"leased"`
	Parked    int64 `json:"parked"`
	Delivered int64 `json:"delivered"`
	Dropped   int64 `json:"dropped"`
	Bytes     int64 `json:"bytes"` // of all payloads
}

// CameraStats is Stats for one camera.
type CameraStats struct {
	Camera string `json:"camera"`
	Counts
	LastCaptured time.Time `json:"last_captured,omitzero"` // the newest seen, whatever became of it
}

func statsOf(s queue.Stats) Stats {
	stats := Stats{
		Counts: Counts{
			Waiting: s.Waiting, Deferred: s.Deferred, Leased: s.Leased, Parked: s.Parked, Delivered: s.Delivered,
			Dropped: s.Dropped, Bytes: s.Bytes,
		},
		OldestCaptured: s.OldestCaptured, NextDue: s.NextDue, MaxBytes: s.MaxBytes, MinFree: s.MinFree,
		DiskTotal: s.DiskTotal, DiskFree: s.DiskFree, Cameras: []CameraStats{},
	}
	for _, c := range s.Cameras {
		stats.Cameras = append(stats.Cameras, CameraStats{
			Camera: c.Camera, LastCaptured: c.LastCaptured,
			Counts: Counts{
				Waiting: c.Waiting, Deferred: c.Deferred, Leased: c.Leased, Parked: c.Parked, Delivered: c.Delivered,
				Dropped: c.Dropped, Bytes: c.Bytes,
			},
		})
	}
	return stats
}
