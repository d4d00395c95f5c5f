package desk

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"shelfagent/queue"
)

const (
	// answerTime is how long the agent may take to begin its answer: a prefix is looked for in a whole queue, and
	// the disk may be slow.
	answerTime = 2 * time.Minute
	// maxAnswer bounds a document: a page of frames with all that their records can hold.
	maxAnswer = 64 << 20
)

// Client is the desk of a running agent.
type Client struct{ http *http.Client }

var _ Desk = (*Client)(nil)

// Dial makes a Client for the agent's socket. It connects when it is asked something: an error of that is the
// system's own.
func Dial(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
		},
		ResponseHeaderTimeout: answerTime,
	}}}
}

// Close ends connections that wait for the next question.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Stats asks for the numbers.
func (c *Client) Stats(ctx context.Context) (s Stats, err error) {
	return s, c.ask(ctx, http.MethodGet, "stats", nil, &s)
}

// List asks for a page.
func (c *Client) List(ctx context.Context, f queue.Filter, p queue.Page) ([]Frame, queue.Page, error) {
	var got page
	if err := c.ask(ctx, http.MethodGet, "items", valuesOf(f, p), &got); err != nil {
		return nil, queue.Page{}, err
	}
	return got.Frames, after(p, got.Next), nil
}

// after is the page that follows p.
func after(p queue.Page, id queue.ID) queue.Page {
	if id == "" {
		return queue.Page{}
	}
	return queue.Page{After: id, Limit: p.Limit}
}

// Show asks for a frame.
func (c *Client) Show(ctx context.Context, ref string) (f Frame, err error) {
	return f, c.ask(ctx, http.MethodGet, "item", url.Values{"ref": {ref}}, &f)
}

// Find asks for frames in the queue and gone from it.
func (c *Client) Find(ctx context.Context, f queue.Filter, limit int) (found Found, err error) {
	return found, c.ask(ctx, http.MethodGet, "find", valuesOf(f, queue.Page{Limit: limit}), &found)
}

// Payload streams the bytes.
func (c *Client) Payload(ctx context.Context, id queue.ID) (io.ReadCloser, error) {
	resp, err := c.do(ctx, http.MethodGet, "payload", url.Values{"id": {string(id)}})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Retry asks for another try.
func (c *Client) Retry(ctx context.Context, ref, by string) (f Frame, err error) {
	return f, c.ask(ctx, http.MethodPost, "retry", url.Values{"ref": {ref}, "by": {by}}, &f)
}

// RetryPage asks for another try of many.
func (c *Client) RetryPage(ctx context.Context, f queue.Filter, p queue.Page, by string) (int, queue.Page, error) {
	values := valuesOf(f, p)
	values.Set("by", by)
	var got retries
	if err := c.ask(ctx, http.MethodPost, "retries", values, &got); err != nil {
		return 0, queue.Page{}, err
	}
	return got.Retried, after(p, got.Next), nil
}

// Drop asks to give a frame up.
func (c *Client) Drop(ctx context.Context, ref, by, reason string) (f Frame, err error) {
	return f, c.ask(ctx, http.MethodPost, "drop", url.Values{"ref": {ref}, "by": {by}, "reason": {reason}}, &f)
}

// Verify hands findings over as the agent finds them.
func (c *Client) Verify(ctx context.Context, quick bool, found func(Finding) error) (Verified, error) {
	values := url.Values{}
	if quick {
		values.Set("quick", "true")
	}
	resp, err := c.do(ctx, http.MethodGet, "verify", values)
	if err != nil {
		return Verified{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	for decoder := json.NewDecoder(bufio.NewReader(resp.Body)); ; {
		var l line
		if err := decoder.Decode(&l); err != nil {
			if ctx.Err() != nil {
				return Verified{}, ctx.Err()
			}
			return Verified{}, fmt.Errorf("the agent's answer breaks off: %w", err)
		}
		switch {
		case l.Finding != nil:
			if err := found(*l.Finding); err != nil {
				return Verified{}, err
			}
		case l.Problem != nil:
			return Verified{}, l.Problem.error()
		case l.Done != nil:
			return *l.Done, nil
		}
	}
}

// ask gets one document.
func (c *Client) ask(ctx context.Context, method, what string, values url.Values, document any) error {
	resp, err := c.do(ctx, method, what, values)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(document); err != nil {
		return fmt.Errorf("the agent's answer is not what was asked for: %w", err)
	}
	return nil
}

// do returns an answer that is no refusal.
func (c *Client) do(ctx context.Context, method, what string, values url.Values) (*http.Response, error) {
	address, body := "http://shelf-agent/v1/queue/"+what, io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader(values.Encode())
	} else {
		address += "?" + values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // its address is not one that a person could use
		}
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	var p Problem
	if json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&p) != nil || p.Code == "" {
		return nil, fmt.Errorf("the agent answered %s; is it an older version?", resp.Status)
	}
	return nil, p.error()
}
