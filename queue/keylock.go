package queue

import "sync"

// keyLocks are locks by ID. The zero value is ready to use; memory is used for IDs that are held only.
type keyLocks struct {
	mu   sync.Mutex // guards held
	held map[ID]*keyLock
}

type keyLock struct {
	mu      sync.Mutex
	waiters int // holder included; guarded by keyLocks.mu
}

// lock waits for an ID and returns what gives it back. A goroutine that holds one ID must not ask for another,
// except for the healer, which is alone in that.
func (k *keyLocks) lock(id ID) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[ID]*keyLock{}
	}
	l := k.held[id]
	if l == nil {
		l = &keyLock{}
		k.held[id] = l
	}
	l.waiters++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.waiters--; l.waiters == 0 {
			delete(k.held, id)
		}
	}
}
