package queue

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// scanBatch is how many records one read transaction of a search looks at, so that a long search does not keep
// the database from reusing pages.
const scanBatch = 4096

// Filter selects items. Zero fields select all.
type Filter struct {
	Camera string
	State  State     // Waiting, Deferred, Leased or Parked
	Since  time.Time // captured then or later
	Until  time.Time // captured before
	Source string    // the original file name, or the end of its path
	SHA256 string    // hex digits that the digest begins with
}

// Page says which part of a list is wanted.
type Page struct {
	After ID  // the last one of the page before; "": from the beginning
	Limit int // at most this many; 0: 100, and never more than 1000
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 100
	}
	return min(p.Limit, 1000)
}

// Items returns the items that a filter selects, in the order of their IDs, and the next page: its After is "" when
// there is nothing behind this one. Camera and times narrow what is read; Source and SHA256 are looked for.
func (q *Queue) Items(ctx context.Context, f Filter, p Page) (items []Item, next Page, err error) {
	if f.State == Delivered || f.State == Dropped || f.State > Dropped {
		return nil, Page{}, fmt.Errorf("%w state %v: only receipts are left of such items", ErrInvalid, f.State)
	}
	limit := p.limit()
	s := &scan{q: q, filter: f, after: p.After, cameras: q.camerasFrom(f.Camera, p.After)}
	for len(items) < limit && len(s.cameras) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, Page{}, err
		}
		found, err := s.step(limit - len(items))
		if err != nil {
			return nil, Page{}, err
		}
		items = append(items, found...)
	}
	if len(s.cameras) > 0 && len(items) > 0 {
		next = Page{After: s.after, Limit: p.Limit}
	}
	return items, next, nil
}

// camerasFrom lists the cameras whose IDs may follow after, in the order of IDs, which is not that of names: "a.b/"
// sorts before "a/".
func (q *Queue) camerasFrom(only string, after ID) (cameras []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for camera := range q.tallies {
		if (only == "" || only == camera) && camera+"0" > string(after) {
			cameras = append(cameras, camera)
		}
	}
	slices.SortFunc(cameras, func(a, b string) int { return strings.Compare(a+"/", b+"/") })
	return cameras
}

// scan walks the records of several states side by side, camera by camera.
type scan struct {
	q       *Queue
	filter  Filter
	after   ID       // the last one looked at
	cameras []string // still to be looked at; the first one is under way
}

// step looks at one camera for scanBatch records at most, in one snapshot.
func (s *scan) step(limit int) (items []Item, err error) {
	err = s.q.store.view(func(tx *bolt.Tx) error {
		heads := s.heads(tx)
		for range scanBatch {
			h := lowest(heads)
			if h == nil {
				s.cameras = s.cameras[1:]
				return nil
			}
			s.after = ID(h.key)
			if it, ok := s.match(h); ok {
				items = append(items, it)
			}
			h.next()
			if len(items) == limit {
				if lowest(heads) == nil {
					s.cameras = s.cameras[1:]
				}
				return nil
			}
		}
		return nil
	})
	return items, err
}

// head is the next record of one state.
type head struct {
	state      State
	cursor     *bolt.Cursor
	key, value []byte
	end        []byte // the first key behind the camera, or behind Filter.Until
}

func (h *head) next() {
	h.key, h.value = h.cursor.Next()
	h.stop()
}

func (h *head) stop() {
	if bytes.Compare(h.key, h.end) >= 0 {
		h.key = nil
	}
}

func (s *scan) heads(tx *bolt.Tx) (heads []*head) {
	from, end := cameraRange(s.cameras[0])
	if !s.filter.Since.IsZero() {
		from = append(from, s.filter.Since.UTC().Format(stampLayout)...)
	}
	if !s.filter.Until.IsZero() {
		end = append([]byte(s.cameras[0]+"/"), s.filter.Until.UTC().Format(stampLayout)...)
	}
	for _, state := range stored {
		if want := s.filter.State; want != 0 && !bytes.Equal(bucketOf(want), bucketOf(state)) {
			continue
		}
		h := &head{state: state, cursor: tx.Bucket(bucketOf(state)).Cursor(), end: end}
		if string(from) > string(s.after) {
			h.key, h.value = h.cursor.Seek(from)
		} else if h.key, h.value = h.cursor.Seek([]byte(s.after)); string(h.key) == string(s.after) {
			h.key, h.value = h.cursor.Next()
		}
		h.stop()
		heads = append(heads, h)
	}
	return heads
}

func lowest(heads []*head) (low *head) {
	for _, h := range heads {
		if h.key != nil && (low == nil || bytes.Compare(h.key, low.key) < 0) {
			low = h
		}
	}
	return low
}

// match decodes a record only if what its key says is wanted.
func (s *scan) match(h *head) (Item, bool) {
	f := s.filter
	if f.SHA256 != "" && !digestBegins(ID(h.key), f.SHA256) {
		return Item{}, false
	}
	it, err := s.q.decode(h.key, h.value, h.state)
	if err != nil || !sourceMatches(it.Source, f.Source) {
		return Item{}, false
	}
	if it.State == Waiting && s.q.isLeased(it.ID) {
		it.State = Leased
	}
	return it, f.State == 0 || f.State == it.State
}

func digestBegins(id ID, prefix string) bool {
	i, err := parseID(id)
	return err == nil && strings.HasPrefix(hex.EncodeToString(i.sha256[:]), strings.ToLower(prefix))
}

// sourceMatches compares whole names from the end: "a.jpg" is found in "cam-3/a.jpg", not in "data.jpg".
func sourceMatches(source, want string) bool {
	return want == "" || source == want || strings.HasSuffix(source, "/"+want) || strings.HasSuffix(source, `\`+want)
}

// Item returns one item; ErrNotFound when it is not, or no longer, in the queue.
func (q *Queue) Item(id ID) (it Item, err error) {
	ok := false
	err = q.store.view(func(tx *bolt.Tx) error {
		it, ok = q.find(tx, id)
		return nil
	})
	if err == nil && !ok {
		err = fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if it.State == Waiting && q.isLeased(id) {
		it.State = Leased
	}
	return it, err
}

// Receipt returns the receipt of a frame that has left; ErrNotFound when there is none, or none any more.
func (q *Queue) Receipt(id ID) (r Receipt, err error) {
	ok := false
	err = q.store.view(func(tx *bolt.Tx) error {
		r, ok = receiptOf(tx, id)
		return nil
	})
	if err == nil && !ok {
		err = fmt.Errorf("%w: no receipt of %s", ErrNotFound, id)
	}
	return r, err
}

// Receipts returns the newest n receipts, newest first.
func (q *Queue) Receipts(n int) ([]Receipt, error) {
	return q.receiptsLike(Filter{}, n)
}

// OldestReceipt returns the oldest receipt that is kept; what left before it is not known any more. ErrNotFound: there is
// none at all.
func (q *Queue) OldestReceipt() (r Receipt, err error) {
	err = q.store.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketReceipts).Cursor()
		for key, value := c.First(); key != nil; key, value = c.Next() {
			if unseal(key, value, &r) == nil {
				return nil
			}
		}
		return fmt.Errorf("%w: there are no receipts", ErrNotFound)
	})
	return r, err
}

// Found is what is known of the frames that Find looked for.
type Found struct {
	Items    []Item
	Receipts []Receipt // newest first
	More     bool      // there is more than was asked for
}

// Find answers "where is my picture?": items and receipts that a filter selects, at most limit of each. State is not
// looked at.
func (q *Queue) Find(ctx context.Context, f Filter, limit int) (Found, error) {
	f.State = 0
	items, next, err := q.Items(ctx, f, Page{Limit: limit})
	if err != nil {
		return Found{}, err
	}
	limit = Page{Limit: limit}.limit()
	receipts, err := q.receiptsLike(f, limit+1)
	if err != nil {
		return Found{}, err
	}
	found := Found{Items: items, Receipts: receipts, More: next.After != ""}
	if len(receipts) > limit {
		found.Receipts, found.More = receipts[:limit], true
	}
	return found, nil
}

func (q *Queue) receiptsLike(f Filter, n int) (found []Receipt, err error) {
	err = q.store.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketReceipts).Cursor()
		for key, value := c.Last(); key != nil && len(found) < n; key, value = c.Prev() {
			var r Receipt
			if unseal(key, value, &r) == nil && f.selects(r) {
				found = append(found, r)
			}
		}
		return nil
	})
	return found, err
}

func (f Filter) selects(r Receipt) bool {
	return (f.Camera == "" || f.Camera == r.Camera) &&
		(f.Since.IsZero() || !r.CapturedAt.Before(f.Since)) &&
		(f.Until.IsZero() || r.CapturedAt.Before(f.Until)) &&
		sourceMatches(r.Source, f.Source) &&
		(f.SHA256 == "" || digestBegins(r.ID, f.SHA256))
}
