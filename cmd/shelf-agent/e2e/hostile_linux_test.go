package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/queue"
	"shelfagent/uploader"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/s3test"
	"shelfagent/uploader/ticket"
)

// vectors is testdata/tickets/vectors.json.
type vectors struct {
	Policy struct {
		KMSKeyARN string    `json:"kms_key_arn"`
		Now       time.Time `json:"now"`
	} `json:"policy"`
	Upload ticket.Upload `json:"upload"`
	Cases  []vector      `json:"cases"`
}

type vector struct {
	Story  string         `json:"story"`
	Fault  string         `json:"fault"`
	Ticket ticket.Ticket  `json:"ticket"`
	Upload *ticket.Upload `json:"upload"` // where it is no frame's
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "tickets", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Cases) < 40 {
		t.Fatalf("%d tickets, %v", len(v.Cases), err)
	}
	return v
}

var signedAt = regexp.MustCompile(`X-Amz-Date=\d{8}T\d{6}Z`)

// forge makes a vector's ticket one for another frame and for now; what is wrong with it stays.
func (v vectors) forge(c vector, u ticket.Upload, now time.Time) ticket.Ticket {
	swap := strings.NewReplacer(
		v.Upload.Frame, u.Frame, v.Upload.SHA256, u.SHA256,
		ticket.ChecksumSHA256(v.Upload.SHA256), ticket.ChecksumSHA256(u.SHA256), ticket.ContentMD5(v.Upload.MD5), ticket.ContentMD5(u.MD5),
		strconv.FormatInt(v.Upload.Bytes, 10), strconv.FormatInt(u.Bytes, 10),
	).Replace
	later := now.Sub(v.Policy.Now)
	f := ticket.Ticket{Frame: swap(c.Ticket.Frame), Method: c.Ticket.Method, Key: swap(c.Ticket.Key), Headers: map[string]string{}}
	f.URL = signedAt.ReplaceAllStringFunc(swap(c.Ticket.URL), func(text string) string {
		at, err := time.Parse("X-Amz-Date=20060102T150405Z", text)
		if err != nil {
			return text
		}
		return at.Add(later).UTC().Format("X-Amz-Date=20060102T150405Z")
	})
	for name, value := range c.Ticket.Headers {
		f.Headers[name] = swap(value)
	}
	if !c.Ticket.ExpiresAt.IsZero() {
		f.ExpiresAt = c.Ticket.ExpiresAt.Add(later)
	}
	return f
}

// compromised is a backend in the hands of a thief: it answers each request with tickets of one kind.
type compromised struct {
	vectors
	mu    sync.Mutex
	theft vector // guarded by mu
}

func (b *compromised) give(c vector) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.theft = c
}

func (b *compromised) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request ticket.Request
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var answer ticket.Response
	for _, u := range request.Uploads {
		answer.Tickets = append(answer.Tickets, b.forge(b.theft, u, time.Now()))
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// vault is S3, as far as a PUT needs it, and remembers what it was sent.
type vault struct {
	mu       sync.Mutex
	requests int             // guarded by mu
	held     map[string]bool // digests; guarded by mu
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	if err == nil && r.Method == http.MethodPut {
		v.held[digest] = true
		w.Header().Set("X-Amz-Checksum-Sha256", ticket.ChecksumSHA256(digest))
	}
}

// asked returns how many requests came since the last call.
func (v *vault) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.requests
	v.requests = 0
	return n
}

// Names and addresses of the stolen world. Every name that the thief uses leads to the thief.
const (
	ticketsName = "tickets.shop.test"
	bucketName  = "frames.bucket.vpce-0a1b-2c3d.s3.eu-central-1.vpce.amazonaws.com"
	ticketsAt   = "203.0.113.10:443"
	bucketAt    = "10.20.30.40:443"
	thiefAt     = "198.51.100.66"
)

// stolen is a world in which the backend has been compromised.
type stolen struct {
	*world
	pki     *devpki.PKI
	backend *compromised
	s3      *vault
}

func enterStolenWorld(t *testing.T) *stolen {
	t.Helper()
	w := enterWorld(t)
	if w == nil {
		return nil
	}
	pki, err := devpki.Create(t.TempDir(), devpki.Options{Hosts: []string{ticketsName, bucketName}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stolen{world: w, pki: pki, backend: &compromised{vectors: readVectors(t)}, s3: &vault{held: map[string]bool{}}}
	w.names.say(ticketsName, addrs(strings.TrimSuffix(ticketsAt, ":443")))
	for _, name := range []string{bucketName, bucketName + "."} {
		w.names.say(name, addrs(strings.TrimSuffix(bucketAt, ":443")))
	}
	for _, name := range []string{"evil.example", bucketName + ".evil.example", "x" + bucketName} {
		w.names.say(name, addrs(thiefAt))
	}
	for _, at := range []string{
		thiefAt + ":443", thiefAt + ":80", "169.254.169.254:443", "169.254.169.254:80", "10.20.30.40:8443", "10.20.30.40:80",
		"127.0.0.1:443", "127.0.0.1:9", "127.0.0.1:7070",
	} {
		newStranger(t, at)
	}
	serveTLS(t, pki, ticketsAt, s.backend, tls.RequireAndVerifyClientCert)
	serveTLS(t, pki, bucketAt, s.s3, tls.NoClientCert)
	return s
}

// onlyTheTwo: nobody but the backend and S3 was spoken to.
func (s *stolen) onlyTheTwo() {
	s.t.Helper()
	s.seen.only(s.t, resolverAddr, netip.MustParseAddrPort(ticketsAt), netip.MustParseAddrPort(bucketAt))
}

func serveTLS(t *testing.T, pki *devpki.PKI, at string, handler http.Handler, clients tls.ClientAuthType) {
	t.Helper()
	config, err := pki.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	config = config.Clone()
	config.ClientAuth = clients
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, TLSConfig: config, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
}

// TestP6_EveryHostileTicket gives each ticket of testdata/tickets to a real uploader: over TLS, with real names. Of the
// hostile ones nothing comes to S3 or anywhere else, and no frame pays for one. The honest ones get through.
func TestP6_EveryHostileTicket(t *testing.T) {
	s := enterStolenWorld(t)
	if s == nil {
		return
	}
	for i, c := range s.backend.Cases {
		if c.Upload != nil {
			continue // for a canary: a queue holds none
		}
		t.Run(c.Story, func(t *testing.T) { s.offer(t, i, c) })
	}
	s.onlyTheTwo()
}

func (s *stolen) offer(t *testing.T, i int, c vector) {
	s.backend.give(c)
	q, item := oneFrame(t, i)
	causes := s.upload(t, q)
	pending, asked := q.Stats().Pending(), s.s3.asked()
	if c.Fault == "" && !strings.Contains(c.Ticket.URL, "127.0.0.1") {
		if causes[uploader.CauseDelivered] != 1 || pending != 0 || asked != 1 {
			t.Errorf("an honest ticket: %v, %d frames left, %d requests", causes, pending, asked)
		}
		return
	}
	want := uploader.CauseTicketRefused
	switch c.Fault {
	case "": // of a server on this machine: an honest ticket, for development
		want = uploader.CauseWrongNetwork
	case "frame":
		want = uploader.CauseBackendFault
	}
	if causes[want] == 0 || len(causes) != 1 {
		t.Errorf("outcomes %v, want %s", causes, want)
	}
	if kept, err := q.Item(item.ID); err != nil || kept.State != queue.Deferred || kept.Attempts != 0 {
		t.Errorf("the frame: %+v, %v", kept, err)
	}
	if asked != 0 {
		t.Errorf("%d requests came to S3", asked)
	}
}

func oneFrame(t *testing.T, n int) (*queue.Queue, queue.Item) {
	t.Helper()
	q, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir(), MinFree: 1, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	payload := draw("cam-3", n)
	item, err := q.Put(t.Context(), queue.New{
		Camera: "cam-3", CapturedAt: time.Now(), Ext: "jpg", ContentType: "image/jpeg",
		SHA256: sha256.Sum256(payload), Source: "IMG_1.jpg", Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	return q, item
}

// upload runs an uploader until it has seen an outcome, and returns the outcomes.
func (s *stolen) upload(t *testing.T, q *queue.Queue) map[uploader.Cause]uint64 {
	t.Helper()
	pair, err := s.pki.AddRig(devpki.Rig{Store: store, Rig: "left"}, true)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := uploader.LoadIdentity(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	u, err := uploader.New(uploader.Options{
		Queue: q, Identity: identity, Backend: &url.URL{Scheme: "https", Host: ticketsName},
		BackendCAs: s.pki.Pool(), S3CAs: s.pki.Pool(), KMSKeyARN: s.backend.Policy.KMSKeyARN,
		Destinations: []ticket.Destination{{Host: bucketName}, {Host: "127.0.0.1:7070", Bucket: "frames"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), recovery)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- u.Run(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(u.Status().Outcomes) == 0 && ctx.Err() == nil {
		<-tick.C
	}
	causes := u.Status().Outcomes
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return causes
}

// stolenTickets are the vectors that the whole agent is given: one of each kind of theft.
var stolenTickets = []string{
	"another host", "the metadata address", "a user name before another host", "plain http", "POST", "another store's key",
	"another account's key", "a public ACL is asked for, signed",
}

// TestP6P8_CompromisedBackend: the whole agent, and what its status says. When the backend is honest again, everything
// that was kept is delivered.
func TestP6P8_CompromisedBackend(t *testing.T) {
	s := enterStolenWorld(t)
	if s == nil {
		return
	}
	server := s3test.Start(t)
	who := devpki.Rig{Store: store, Rig: "left"}
	pair, err := s.pki.AddRig(who, false)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, plan{s3: server, way: func(string, string) (string, string) { return ticketsName, "" }, agent: map[string]string{
		"allow_loopback": "false", "private_only": "true", "hosts": fmt.Sprintf("[%q]", bucketName),
		"kms_key_arn": strconv.Quote(s.backend.Policy.KMSKeyARN), "ca": strconv.Quote(s.pki.CA.Cert),
		"certificate": strconv.Quote(pair.Cert), "key": strconv.Quote(pair.Key),
	}})
	byStory := map[string]vector{}
	for _, c := range s.backend.Cases {
		byStory[c.Story] = c
	}
	frames := newShop(r.path("capture"))
	for _, story := range stolenTickets {
		c, ok := byStory[story]
		if !ok {
			t.Fatalf("no vector %q", story)
		}
		s.backend.give(c)
		frames.shootSome(t, 1)
		r.startAgent() // each time anew: the pause between two tries grows
		r.await(story, recovery, func(now status.Snapshot) bool { return !now.Link.Up })
		r.says("ticket_refused", "")
		r.agent.kill()
	}
	if n := s.s3.asked(); n != 0 {
		t.Errorf("%d requests came to S3", n)
	}

	s.backend.give(s.backend.Cases[0])
	r.startAgent()
	r.await("everything is delivered", recovery, allDelivered(frames.total()))
	r.isWell()
	r.agent.stop()
	for _, digest := range frames.drawn["cam-1"] {
		if !s.s3.held[digest] {
			t.Errorf("%s is not in S3", digest)
		}
	}
	if len(s.s3.held) != frames.total() || s.s3.asked() != frames.total() {
		t.Errorf("S3 holds %d frames of %d", len(s.s3.held), frames.total())
	}
	r.nothingIsLeft(frames.total())
	if raw, err := os.ReadFile(r.path("agent.log")); err != nil || bytes.Contains(raw, []byte("abababab")) {
		t.Errorf("the log holds a signature, or: %v", err)
	}
	s.onlyTheTwo()
}
