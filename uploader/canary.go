package uploader

import (
	"bytes"
	"context"
	"crypto/md5" // Content-MD5 is S3's integrity header, not a security measure
	"crypto/sha256"
	"errors"
	"net/url"
	"time"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// Canary tries the whole way once, as a frame goes it: the same request for a ticket, the same judgement of it, the same
// PUT, the same proof. It is a picture of the caller's, under ticket.CanaryCamera, and never in a queue. Make it with
// NewCanary, ask for a ticket with Ask, use it with Put, and end with Close. Its methods are for one goroutine.
type Canary struct {
	u      *Uploader
	body   []byte
	item   queue.Item
	upload ticket.Upload

	granted *ticket.Ticket // by the last Ask, until Put uses it
	target  *url.URL
}

// noQueue is a canary's: nothing of it is leased or recorded.
type noQueue struct{ Queue }

// ErrNoTicket says that Put was called without leave.
var ErrNoTicket = errors.New("there is no ticket to use")

// NewCanary checks the options; Queue may be nil. picture is a PNG of at most ticket.MaxCanaryBytes that was never sent
// before, so that S3 has to store it.
func NewCanary(opts Options, picture []byte, now time.Time) (*Canary, error) {
	opts.Queue, opts.Rate, opts.Windows = noQueue{}, 0, nil // a person waits for it
	u, err := New(opts)
	if err != nil {
		return nil, err
	}
	c := &Canary{u: u, body: picture}
	c.item = queue.Item{
		ID: ticket.CanaryCamera, Camera: ticket.CanaryCamera, CapturedAt: now.UTC().Truncate(time.Millisecond),
		Bytes: int64(len(picture)), ContentType: ticket.CanaryType, SHA256: sha256.Sum256(picture), MD5: md5.Sum(picture),
	}
	c.upload = describe(c.item)
	return c, nil
}

// Ask asks the backend for a ticket and judges it. It returns nil when there is one that this rig may use, and otherwise
// what was seen.
func (c *Canary) Ask(ctx context.Context) *Seen {
	c.granted, c.target = nil, nil
	answers, failed := c.u.asker.ask(ctx, []ticket.Upload{c.upload})
	if failed != nil {
		return failed
	}
	answer := answers[c.upload.Frame]
	target, refused := c.u.accept(c.upload, answer)
	if refused != nil {
		return refused
	}
	c.granted, c.target = answer.Ticket, target
	return nil
}

// Put uses the ticket, which is good for one PUT, and returns what S3 made of it.
func (c *Canary) Put(ctx context.Context) Seen {
	granted := c.granted
	if granted == nil {
		return Seen{Err: ErrNoTicket}
	}
	c.granted = nil
	seen, _ := c.u.putter.put(ctx, c.target, granted, c.item, bytes.NewReader(c.body))
	return seen
}

// Key is where the ticket of the last Ask leads; "" without one.
func (c *Canary) Key() string {
	if c.granted == nil {
		return ""
	}
	return c.granted.Key
}

// Clock is how far the backend's clock is ahead of this machine's, if it has told: exactly to a second.
func (c *Canary) Clock() (offset time.Duration, known bool) {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	if c.u.tally.clock == nil {
		return 0, false
	}
	return *c.u.tally.clock, true
}

// Close ends its connections.
func (c *Canary) Close() {
	for _, client := range c.u.clients {
		client.CloseIdleConnections()
	}
}
