package queue

import (
	"testing"
	"time"
)

// TestDelays: each place of the histogram, and what no clock could have said.
func TestDelays(t *testing.T) {
	var d Delays
	for delay, place := range map[time.Duration]int{
		0: 0, time.Second: 0, time.Second + 1: 1, 90 * time.Second: 6, 8 * 24 * time.Hour: len(DelayBounds), -1: -1, maxDelay + 1: -1,
	} {
		before := d
		d.took(delay)
		for i := range d.Counts {
			want := before.Counts[i]
			if i == place {
				want++
			}
			if d.Counts[i] != want {
				t.Errorf("%s: place %d counts %d, want %d", delay, i, d.Counts[i], want)
			}
		}
	}
	if want := 2*time.Second + 1 + 90*time.Second + 8*24*time.Hour; d.Sum != want {
		t.Errorf("sum %s, want %s", d.Sum, want)
	}
}

// TestDeliveriesAreCountedForGood: bytes, delays and lost payloads outlive a restart, and end as they must.
func TestDeliveriesAreCountedForGood(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	mustPut(t, q, frameOf("cam-1", 1))
	mustPut(t, q, frameOf("cam-1", 2))
	items := mustLease(t, q, 2)
	delivered, lost := items[0], items[1].ID
	must(t, q.Ack(t.Context(), delivered.ID, Receipt{Key: "k", Proof: ProofStored, DeliveredAt: delivered.CapturedAt.Add(45 * time.Second)}))
	must(t, q.Bury(t.Context(), lost, ReasonDamaged, "the disk lies"))
	for _, clean := range []bool{true, false} {
		s := q.Stats()
		c := s.Cameras[0]
		if c.Sent != delivered.Bytes || c.Delays.Counts[5] != 1 || c.Delays.Sum != 45*time.Second || s.Lost != 1 || s.Parked != 1 {
			t.Errorf("%+v", s)
		}
		q = reopen(t, q, clean)
	}
	must(t, q.do(func(txn *txn) error {
		txn.dirty = true
		txn.count("cam-1", func(c *tally) { c.Lost = 7 })
		return nil
	}))
	if q = reopen(t, q, false); q.Stats().Lost != 1 {
		t.Errorf("%d are lost: it was not counted again", q.Stats().Lost)
	}
	must(t, q.Drop(t.Context(), lost, "it cannot be read"))
	if s := q.Stats(); s.Lost != 0 || s.Cameras[0].Sent != delivered.Bytes {
		t.Errorf("after the drop: %+v", s)
	}
}
