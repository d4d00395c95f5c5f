package e2e

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// shots is how many frames the latency is measured with, of each contender.
const shots = 100

// BenchmarkLatency is how long it takes from a closed file until its object is in S3, while nothing else happens: by
// the agent, and by the least that could do it: one ticket, one PUT and two fsyncs of the same bytes. They take turns,
// frame by frame.
func BenchmarkLatency(b *testing.B) {
	r := newRig(b, asInShops(b))
	r.startBackend()
	r.startAgent()
	r.await("the agent answers", 20*time.Second, func(status.Snapshot) bool { return true })
	pictures := photographs(b, shots+1)
	bare := newTicketPut(b, r)
	day := time.Now().UTC()

	var agents, bares []time.Duration
	for n, picture := range pictures {
		at := day.Add(time.Duration(n) * time.Second)
		a, p := r.shotByAgent(b, picture, at), bare.shot(b, picture, at)
		if n > 0 { // the first makes connections and folders
			agents, bares = append(agents, a), append(bares, p)
		}
	}
	slices.Sort(agents)
	slices.Sort(bares)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	b.ReportMetric(ms(agents[shots/2]), "p50-ms")
	b.ReportMetric(ms(agents[shots*99/100]), "p99-ms")
	b.ReportMetric(ms(bares[shots/2]), "bare-p50-ms")
	b.ReportMetric(ms(bares[shots*99/100]), "bare-p99-ms")
	b.ReportMetric(ms(agents[shots/2])/ms(bares[shots/2]), "p50-of-bare")
	b.ReportMetric(0, "ns/op")
}

// shotByAgent closes a file in the capture folder and waits for its object.
func (r *rig) shotByAgent(b *testing.B, picture []byte, at time.Time) time.Duration {
	const camera = "agent"
	name := r.path("capture", camera, at.Format("150405")+".jpg")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(name+".tmp", picture, 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Chtimes(name+".tmp", at, at); err != nil {
		b.Fatal(err)
	}
	arrival := r.arrivals(b, camera, at)
	began := time.Now()
	if err := os.Rename(name+".tmp", name); err != nil {
		b.Fatal(err)
	}
	return arrival().Sub(began)
}

// arrivals returns a function that waits for the next object of a camera and says when it came. versitygw keeps each
// object as a file at its key, which appears when it is whole.
func (r *rig) arrivals(b *testing.B, camera string, at time.Time) func() time.Time {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(r.s3.Folder(bucket), "raw", store, at.UTC().Format("2006-01-02"), camera)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := watcher.Add(dir); err != nil {
		b.Fatal(err)
	}
	return func() time.Time {
		defer func() { _ = watcher.Close() }()
		timeout := time.After(30 * time.Second)
		for {
			select {
			case event := <-watcher.Events:
				if event.Has(fsnotify.Create) && strings.HasSuffix(event.Name, ".jpg") {
					return time.Now()
				}
			case err := <-watcher.Errors:
				b.Fatal(err)
			case <-timeout:
				b.Fatalf("no object of %s after 30 s", camera)
			}
		}
	}
}

// ticketPut is a client of the backend and of S3 without any of the agent's care.
type ticketPut struct {
	rig     *rig
	backend *http.Client
	s3      *http.Client
	tickets string
}

func newTicketPut(b *testing.B, r *rig) *ticketPut {
	files := r.s3.PKI.RigFiles(devpki.Rig{Store: store, Rig: "of-" + r.bucket})
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		b.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: r.s3.PKI.Pool(), Certificates: []tls.Certificate{pair}}
	return &ticketPut{
		rig: r, s3: r.s3.HTTPClient(), tickets: "https://" + r.backendAddr + ticket.TicketsPath,
		backend: &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
	}
}

func (c *ticketPut) shot(b *testing.B, picture []byte, at time.Time) time.Duration {
	const camera = "bare"
	arrival := c.rig.arrivals(b, camera, at)
	began := time.Now()
	c.store(b, picture)
	upload := uploadOf(picture, camera, at)
	body, err := json.Marshal(ticket.Request{Uploads: []ticket.Upload{upload}})
	if err != nil {
		b.Fatal(err)
	}
	resp, err := c.backend.Post(c.tickets, "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	answers, err := ticket.ReadResponse(resp.Body, []ticket.Upload{upload})
	_ = resp.Body.Close()
	if err != nil || answers[upload.Frame].Ticket == nil {
		b.Fatalf("no ticket: %v, %s", err, resp.Status)
	}
	c.put(b, answers[upload.Frame].Ticket, picture)
	return arrival().Sub(began)
}

// store is two fsyncs, which is what a payload and its record cost.
func (c *ticketPut) store(b *testing.B, picture []byte) {
	for _, content := range [][]byte{picture, make([]byte, 4096)} {
		f, err := os.Create(c.rig.path("bare"))
		if err != nil {
			b.Fatal(err)
		}
		_, err = f.Write(content)
		if err == nil {
			err = f.Sync()
		}
		if err != nil || f.Close() != nil {
			b.Fatal(err)
		}
	}
}

func (c *ticketPut) put(b *testing.B, t *ticket.Ticket, picture []byte) {
	req, err := http.NewRequestWithContext(context.Background(), t.Method, t.URL, bytes.NewReader(picture))
	if err != nil {
		b.Fatal(err)
	}
	for name, value := range t.Headers {
		req.Header.Set(name, value)
	}
	resp, err := c.s3.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s", path.Base(t.Key), resp.Status)
	}
}

func uploadOf(picture []byte, camera string, at time.Time) ticket.Upload {
	sha, sum := sha256.Sum256(picture), md5.Sum(picture)
	return ticket.Upload{
		Frame: fmt.Sprintf("%s-%x", camera, sha[:8]), Camera: camera, CapturedAt: at, Bytes: int64(len(picture)),
		ContentType: "image/jpeg", SHA256: hex.EncodeToString(sha[:]), MD5: hex.EncodeToString(sum[:]),
	}
}
