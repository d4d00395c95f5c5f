package uploader

import (
	"context"
	"fmt"
	"sync"
	"time"

	"shelfagent/queue"
)

// memory is a queue of a few frames without a disk, for fleets.
type memory struct {
	Queue
	drained func() // called when the last frame has left

	mu    sync.Mutex
	items []*queue.Item // in the order in which they are leased
}

func newMemory(drained func()) *memory {
	m := &memory{drained: drained}
	for i := range fleetFrames {
		camera := fmt.Sprintf("cam-%d", i)
		m.items = append(m.items, &queue.Item{ID: queue.ID(camera + "/frame.jpg"), Camera: camera, Bytes: 500_000, State: queue.Waiting})
	}
	return m
}

func (m *memory) Lease(_ context.Context, n int) ([]queue.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var leased []queue.Item
	for _, item := range m.items {
		if len(leased) < n && item.State == queue.Waiting && !time.Now().Before(item.NotBefore) {
			item.State = queue.Leased
			item.Attempts++
			leased = append(leased, *item)
		}
	}
	return leased, nil
}

func (m *memory) Ready() <-chan struct{} { return nil }

func (m *memory) NextDue() (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due time.Time
	for _, item := range m.items {
		if item.State == queue.Waiting && (due.IsZero() || item.NotBefore.Before(due)) {
			due = item.NotBefore
		}
	}
	return due, !due.IsZero()
}

func (m *memory) Ack(_ context.Context, id queue.ID, _ queue.Receipt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, item := range m.items {
		if item.ID == id {
			m.items = append(m.items[:i], m.items[i+1:]...)
			break
		}
	}
	if len(m.items) == 0 {
		m.drained()
	}
	return nil
}

func (m *memory) Defer(_ context.Context, id queue.ID, d queue.Deferral) error {
	return m.release(id, d.Until, d.Uncharged)
}

func (m *memory) Release(id queue.ID) error { return m.release(id, time.Time{}, true) }

func (m *memory) release(id queue.ID, until time.Time, uncharged bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, item := range m.items {
		if item.ID != id {
			continue
		}
		item.State, item.NotBefore = queue.Waiting, until
		if uncharged {
			item.Attempts--
		}
	}
	return nil
}
