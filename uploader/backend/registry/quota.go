package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ErrQuota says that a rig has used up its day's quota. Nothing was charged.
var ErrQuota = errors.New("registry: the day's quota is used up")

const (
	// quotaKept is how long a day's counters outlive its beginning: a day, and as much for clocks that differ.
	quotaKept = 72 * time.Hour
	markBytes = 8
	// sliceDigits are the hex digits by which the marks of a day are sliced: 4096 records of two kilobytes, where a rig
	// takes a million frames a day.
	sliceDigits = 3
)

// Quota is what a rig may be given tickets for in one UTC day.
type Quota struct {
	Frames int64
	// Bytes may be 0 for no limit.
	Bytes int64
}

// Frame is what is charged: an object's key and its length, by which it is known again. Another length at the same key is
// another frame: or a rig could have a large one for the price of a small one.
type Frame struct {
	Key   string
	Bytes int64
}

type counts struct {
	Frames int64 `json:"frames"`
	Bytes  int64 `json:"bytes"`
}

// marks are the frames of one slice of a day that were charged, markBytes for each.
type marks struct {
	Frames []byte `json:"frames"`
}

func (m *marks) has(mark []byte) bool {
	for i := 0; i+markBytes <= len(m.Frames); i += markBytes {
		if bytes.Equal(m.Frames[i:i+markBytes], mark) {
			return true
		}
	}
	return false
}

// Charge charges frames to the rig's day, those that it has charged today already excepted. It charges all or
// none: ErrQuota when they do not fit.
func (r *Registry) Charge(ctx context.Context, rig Rig, frames []Frame, quota Quota, now time.Time) error {
	if len(frames) == 0 {
		return nil
	}
	return r.change(ctx, func() error { return r.charge(ctx, rig, frames, quota, now) })
}

func (r *Registry) charge(ctx context.Context, rig Rig, frames []Frame, quota Quota, now time.Time) error {
	day := now.UTC().Truncate(24 * time.Hour)
	part := fmt.Sprintf("quota/%s/%s", rig, day.Format(time.DateOnly))
	keys, at := slicesOf(part, frames)
	records, err := r.table.Get(ctx, keys...)
	if err != nil {
		return err
	}
	var used counts
	if err := read(records[0], now, &used); err != nil {
		return err
	}
	before := used
	changed := map[int]*marks{}
	for i, frame := range frames {
		n, mark := at[i].record, at[i].mark
		slice := changed[n]
		if slice == nil {
			slice = &marks{}
			if err := read(records[n], now, slice); err != nil {
				return err
			}
			changed[n] = slice
		}
		if !slice.has(mark) {
			slice.Frames = append(slice.Frames, mark...)
			used.Frames++
			used.Bytes += frame.Bytes
		}
	}
	switch {
	case used == before:
		return nil
	case used.Frames > quota.Frames:
		return fmt.Errorf("%w: %d frames a day, %d asked for before", ErrQuota, quota.Frames, before.Frames)
	case quota.Bytes > 0 && used.Bytes > quota.Bytes:
		return fmt.Errorf("%w: %d bytes a day, %d asked for before", ErrQuota, quota.Bytes, before.Bytes)
	}
	return r.book(ctx, records, used, changed, day.Add(quotaKept))
}

// book commits a day's counts and the slices that changed.
func (r *Registry) book(ctx context.Context, records []Record, used counts, changed map[int]*marks, ends time.Time) error {
	total, err := records[0].with(used, ends)
	if err != nil {
		return err
	}
	booked := []Record{total}
	for n, slice := range changed {
		record, err := records[n].with(slice, ends)
		if err != nil {
			return err
		}
		booked = append(booked, record)
	}
	return r.table.Commit(ctx, booked...)
}

// place is where a frame's mark belongs: which of the records, and the mark.
type place struct {
	record int
	mark   []byte
}

// slicesOf names the records of a day that frames need: the counts first, then each slice once.
func slicesOf(part string, frames []Frame) ([]Key, []place) {
	keys := []Key{{Part: part, Name: "count"}}
	known := map[string]int{}
	places := make([]place, len(frames))
	for i, frame := range frames {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", frame.Key, frame.Bytes))
		slice := hex.EncodeToString(sum[:2])[:sliceDigits]
		n, ok := known[slice]
		if !ok {
			n = len(keys)
			known[slice] = n
			keys = append(keys, Key{Part: part, Name: slice})
		}
		places[i] = place{record: n, mark: sum[2 : 2+markBytes]}
	}
	return keys, places
}
