package uploader

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/time/rate"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

var (
	errStalled        = errors.New("the transfer stopped moving")
	errAborted        = errors.New("the agent is stopping")
	errPayloadDamaged = errors.New("the payload changed on disk")
	errPayloadMissing = errors.New("the payload is gone from the disk")
)

// maxErrorBody is how much of an error answer is read, in bytes.
const maxErrorBody = 16 << 10

// putter sends payloads to S3.
type putter struct {
	client *http.Client
	stall  time.Duration
	rate   *rate.Limiter // bytes per second over all transfers; nil is no limit
}

// put sends one payload where its verified ticket says, and reports what was seen. etag is S3's, for the
// receipt.
func (p *putter) put(ctx context.Context, target *url.URL, t *ticket.Ticket, item queue.Item, payload *os.File) (seen Seen, etag string) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dog := time.AfterFunc(p.stall, func() { cancel(errStalled) })
	defer dog.Stop()
	moved := func() { dog.Reset(p.stall) }

	req, err := p.request(ctx, target, t, item, payload, moved)
	if err != nil {
		return Seen{Err: err}, ""
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return Seen{Err: whyNot(ctx, err)}, ""
	}
	defer drain(resp.Body)
	moved()
	seen = Seen{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	if resp.StatusCode == http.StatusOK {
		seen.Proof = resp.Header.Get("x-amz-checksum-sha256") == t.Headers["x-amz-checksum-sha256"]
		return seen, resp.Header.Get("ETag")
	}
	refusal := readRefusal(resp.Body)
	seen.Code = word(refusal.Code)
	seen.Expired = refusal.timeIsOver() || !time.Now().Before(t.ExpiresAt)
	return seen, ""
}

func (p *putter) request(ctx context.Context, target *url.URL, t *ticket.Ticket, item queue.Item, payload *os.File, moved func()) (*http.Request, error) {
	body := func() (io.ReadCloser, error) {
		section := io.NewSectionReader(payload, 0, item.Bytes)
		return io.NopCloser(&paced{ctx: ctx, from: section, rate: p.rate, moved: moved}), nil
	}
	first, _ := body()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, target.String(), first)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL makes no request", errTicketRefused)
	}
	req.GetBody = body // a kept connection that the server closed meanwhile is replaced without a word
	req.ContentLength = item.Bytes
	for name, value := range t.Headers {
		if name != "content-length" { // ContentLength says it
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("Expect", "100-continue") // a refusal then costs no uplink
	return req, nil
}

// paced reads a payload at the allowed rate and tells the watchdog about every step.
type paced struct {
	ctx   context.Context
	from  io.Reader
	rate  *rate.Limiter
	moved func()
}

// pacedChunk is the largest step, in bytes; the limiter's burst holds at least that.
const pacedChunk = 16 << 10

func (r *paced) Read(b []byte) (int, error) {
	if r.rate != nil {
		b = b[:min(len(b), pacedChunk)]
	}
	n, err := r.from.Read(b)
	if n > 0 && r.rate != nil {
		if waitErr := r.rate.WaitN(r.ctx, n); waitErr != nil {
			return 0, waitErr
		}
	}
	r.moved()
	return n, err
}

// refusal is S3's error document (Amazon S3 API Reference, "REST error responses"). Expires and ServerTime
// are there when a presigned URL's time is over.
type refusal struct {
	Code       string `xml:"Code"`
	Expires    string `xml:"Expires"`
	ServerTime string `xml:"ServerTime"`
}

func readRefusal(body io.Reader) refusal {
	var r refusal
	_ = xml.NewDecoder(io.LimitReader(body, maxErrorBody)).Decode(&r) // an unreadable one has no code
	return r
}

func (r refusal) timeIsOver() bool {
	return r.Code == "ExpiredToken" || r.Code == "RequestTimeTooSkewed" || r.Expires != "" && r.ServerTime != ""
}
