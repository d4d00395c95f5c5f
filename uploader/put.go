package uploader

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

	errPayloadUnreadable = errors.New("the disk does not give the payload")
	errGaveUp            = errors.New("tried too often; it may be what ends the agent, or max_attempts was made smaller")
)

// maxErrorBody is how much of an error answer is read, in bytes.
const maxErrorBody = 16 << 10

// putter sends payloads to S3.
type putter struct {
	client *http.Client
	stall  time.Duration
	rate   *rate.Limiter // bytes, over all transfers; it changes while they run
}

// put sends one payload where its verified ticket says, and reports what was seen. etag is S3's, for the
// receipt.
func (p *putter) put(ctx context.Context, target *url.URL, t *ticket.Ticket, item queue.Item, payload io.ReaderAt) (seen Seen, etag string) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dog := &watchdog{timer: time.AfterFunc(p.stall, func() { cancel(errStalled) }), stall: p.stall}
	defer dog.rest()

	req, err := p.request(target, t, item, func() io.ReadCloser {
		return io.NopCloser(&paced{
			ctx: ctx, from: io.NewSectionReader(payload, 0, item.Bytes), left: item.Bytes, rate: p.rate, dog: dog, fail: cancel,
		})
	})
	if err != nil {
		return Seen{Err: err}, ""
	}
	resp, err := p.client.Do(req.WithContext(ctx)) //nolint:bodyclose // drain closes it
	if err != nil {
		return Seen{Err: whyNot(ctx, err)}, ""
	}
	defer drain(resp.Body)
	dog.moved()
	seen = Seen{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	if resp.StatusCode == http.StatusOK {
		seen.Proof = resp.Header.Get("x-amz-checksum-sha256") == t.Headers["x-amz-checksum-sha256"]
		return seen, resp.Header.Get("ETag")
	}
	refusal := readRefusal(resp.Body)
	seen.Code = word(refusal.Code)
	seen.Expired = refusal.timeIsOver() || isDenial(resp.StatusCode) && !time.Now().Before(t.ExpiresAt)
	return seen, ""
}

func (p *putter) request(target *url.URL, t *ticket.Ticket, item queue.Item, body func() io.ReadCloser) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPut, target.String(), body()) //nolint:noctx // put adds it
	if err != nil {
		return nil, fmt.Errorf("%w: the URL makes no request", errTicketRefused)
	}
	// A kept connection that the server closed meanwhile is replaced without a word.
	req.GetBody = func() (io.ReadCloser, error) { return body(), nil }
	req.ContentLength = item.Bytes
	for name, value := range t.Headers {
		if name != "content-length" { // ContentLength says it
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("Expect", "100-continue") // a refusal then costs no uplink
	return req, nil
}

// watchdog ends a transfer that has stood still for stall.
type watchdog struct {
	timer *time.Timer
	stall time.Duration
}

func (w *watchdog) moved() { w.timer.Reset(w.stall) }

// rest is for waiting that is our own doing.
func (w *watchdog) rest() { w.timer.Stop() }

// paced reads a payload at the allowed rate and tells the watchdog about every step.
type paced struct {
	ctx  context.Context
	from io.Reader
	left int64 // bytes that the payload still owes
	rate *rate.Limiter
	dog  *watchdog
	fail context.CancelCauseFunc // ends the transfer when the disk does not give what was queued
}

func (r *paced) Read(b []byte) (int, error) {
	n, err := r.from.Read(b[:min(len(b), r.rate.Burst())])
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		r.fail(errPayloadDamaged)
		return n, io.ErrUnexpectedEOF
	case err != nil && !errors.Is(err, io.EOF):
		r.fail(fmt.Errorf("%w: %w", errPayloadUnreadable, err))
		return n, err
	}
	r.dog.rest()
	if err := r.wait(n); err != nil {
		return 0, err
	}
	r.dog.moved()
	return n, err
}

// wait waits for leave to send n bytes: in parts, where another rate has come into force since they were read.
func (r *paced) wait(n int) error {
	for n > 0 {
		part := min(n, r.rate.Burst())
		switch err := r.rate.WaitN(r.ctx, part); {
		case err == nil:
			n -= part
		case part <= r.rate.Burst(): // so it was not refused for having become too much at once
			return err
		}
	}
	return nil
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
