package uploader

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// Defaults of Options.
const (
	DefaultConcurrency = 16
	DefaultMaxAttempts = 20
	DefaultStall       = time.Minute
	DefaultStopGrace   = 10 * time.Second
)

// DefaultStartSpread is a StartSpread for rigs that are one of many: 10,000 that are started in one second, by a power cut
// or an upgrade, then make some 500 requests in each of the next sixty. It costs a rig half a minute in the mean.
const DefaultStartSpread = time.Minute

// Queue is what the uploader needs of the queue. Ack, Defer and Bury must not return before what they say
// is durable.
type Queue interface {
	Lease(ctx context.Context, n int) ([]queue.Item, error)
	Ready() <-chan struct{}
	NextDue() (time.Time, bool)
	Payload(id queue.ID) (*os.File, error)
	Ack(ctx context.Context, id queue.ID, r queue.Receipt) error
	Defer(ctx context.Context, id queue.ID, d queue.Deferral) error
	Bury(ctx context.Context, id queue.ID, code, message string) error
	Release(id queue.ID) error
}

// Options are what an Uploader needs to know. Zero values of numbers mean the defaults.
type Options struct {
	Queue    Queue
	Identity *Identity
	// Backend is the backend's base URL, https.
	Backend *url.URL
	// BackendCAs and S3CAs are who may sign the servers' certificates; nil means the system's authorities.
	BackendCAs, S3CAs *x509.CertPool
	// Destinations and KMSKeyARN are as in ticket.Policy.
	Destinations []ticket.Destination
	KMSKeyARN    string
	// LabToken is shown to the backend instead of the certificate, which then only says who the rig is; "" outside of
	// laboratories. See LoadLabToken.
	LabToken string
	// Guard is for S3; the backend is held to it as well, but for Guard.Only.
	Guard Guard
	// Concurrency is the most transfers at once.
	Concurrency int
	// Rate is the most bytes per second over all transfers, outside of Windows; 0 is no limit.
	Rate int64
	// Windows are the times of the week in which another rate holds, in Location; nil is this machine's time zone.
	Windows  []Window
	Location *time.Location
	// MaxAttempts is after how many charged tries a frame is parked.
	MaxAttempts int
	// Stall is how long a transfer may stand still.
	Stall time.Duration
	// StartSpread is over how long the first requests of a fleet that was started in one moment are spread; each rig draws
	// its own share. 0 begins at once.
	StartSpread time.Duration
	// StopGrace is how long transfers may go on after Run's context has ended.
	StopGrace time.Duration
	// Progress is told at each turn of Run's loop within what time the next one comes. Nil: nobody asks.
	Progress func(within time.Duration)
	Logger   *slog.Logger
}

// Uploader drains a queue. Make it with New, run it once with Run.
type Uploader struct {
	opts    Options
	queue   Queue
	policy  ticket.Policy
	asker   *asker
	putter  *putter
	clients []*http.Client
	log     *slog.Logger
	breaker *Breaker
	pace    *Pace
	hours   *throttle
	carry   func(context.Context, []queue.Item, Probe) // batch: takes leased items to their outcomes

	inFlight atomic.Int64 // changed by Run alone
	backlog  atomic.Bool  // there were frames for all free slots when Run looked last
	freed    chan struct{}
	changed  chan struct{} // capacity one; wakes Run: other options are in force
	wg       sync.WaitGroup

	mu     sync.Mutex
	tally  tally             // guarded by mu
	begins time.Time         // when the first request may go out; zero once it may; guarded by mu
	strays map[queue.ID]bool // frames that failed over a good link since the last delivery; guarded by mu
	unread map[queue.ID]bool // frames whose request the backend found fault with since the last ticket; guarded by mu
	cutter map[queue.ID]int  // how often each has opened the breaker; guarded by mu
}

// New checks the options. It connects to nothing.
func New(opts Options) (*Uploader, error) {
	switch {
	case opts.Queue == nil || opts.Identity == nil:
		return nil, errors.New("uploader: Options.Queue and Options.Identity are needed")
	case opts.Backend == nil || opts.Backend.Scheme != "https" || opts.Backend.Host == "":
		return nil, errors.New("uploader: the backend's URL must begin with https://")
	case len(opts.Destinations) == 0:
		return nil, errors.New("uploader: no host is allowed for uploads")
	}
	schedule, err := NewSchedule(Rate(max(opts.Rate, 0)), opts.Windows, cmp.Or(opts.Location, time.Local))
	if err != nil {
		return nil, fmt.Errorf("uploader: %w", err)
	}
	setDefault(&opts.Concurrency, DefaultConcurrency)
	setDefault(&opts.MaxAttempts, DefaultMaxAttempts)
	setDefault(&opts.Stall, DefaultStall)
	setDefault(&opts.StopGrace, DefaultStopGrace)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}

	most := max(opts.Concurrency, ticket.MaxUploads) // Change may raise it

	u := &Uploader{
		opts: opts, queue: opts.Queue, log: opts.Logger,
		policy: ticket.Policy{
			Destinations: opts.Destinations, Store: opts.Identity.Name().Store, KMSKeyARN: opts.KMSKeyARN, Now: time.Now,
		},
		breaker: &Breaker{}, pace: NewPace(opts.Concurrency), hours: newThrottle(schedule),
		freed: make(chan struct{}, most), changed: make(chan struct{}, 1),
		tally: tally{outcomes: map[Cause]uint64{}}, strays: map[queue.ID]bool{}, unread: map[queue.ID]bool{}, cutter: map[queue.ID]int{},
	}
	if opts.LabToken != "" {
		u.log.Warn(labWarning)
	}
	toBackend := opts.backendClient(2, u.noteBackend)
	toS3 := newClient(opts.Guard, tlsConfig(opts.S3CAs, nil), most, u.noteS3)
	u.clients = []*http.Client{toBackend, toS3}
	u.carry = u.batch
	u.asker = newAsker(opts.Backend, toBackend, u.noteClock)
	u.putter = &putter{client: toS3, stall: opts.Stall, rate: u.hours.limiter}
	return u, nil
}

func setDefault[T int | time.Duration](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

func (u *Uploader) noteBackend(addr netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tally.backend = addr
}

func (u *Uploader) noteS3(addr netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tally.s3 = addr
}

func (u *Uploader) noteClock(offset time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tally.clock = &offset
}

// trustedOffset is how far the backend's clock may be from this machine's before the windows go by the backend's. A
// rig's own clock may have lost its time; the backend's is kept.
const trustedOffset = time.Minute

// clockAt is the best that is known of the time at which this machine's clock says now.
func (u *Uploader) clockAt(now time.Time) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tally.clock == nil || u.tally.clock.Abs() < trustedOffset {
		return now
	}
	return now.Round(0).Add(*u.tally.clock)
}
