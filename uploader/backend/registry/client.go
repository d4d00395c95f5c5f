package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialTimeout bounds the wait for a server that has the socket and does not accept.
const dialTimeout = 5 * time.Second

// Client is the office of a running server. The times in what it is asked are the server's own.
type Client struct{ http *http.Client }

var _ Office = (*Client)(nil)

// Dial connects once to the server's socket, so that its error says whether a server is there.
func Dial(ctx context.Context, socket string) (*Client, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", socket)
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	return &Client{&http.Client{Timeout: officeTimeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}, nil
}

// Close ends connections that wait for the next question.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Invite asks for an invitation.
func (c *Client) Invite(ctx context.Context, rig Rig, valid time.Duration, _ time.Time) (made Invitation, err error) {
	return made, c.ask(ctx, http.MethodPost, invitePath, officeRequest{Rig: rig, Valid: valid}, &made)
}

// Rigs asks for the list.
func (c *Client) Rigs(ctx context.Context) (found []Entry, err error) {
	return found, c.ask(ctx, http.MethodGet, rigsPath, officeRequest{}, &found)
}

// RevokeRig asks for a revocation.
func (c *Client) RevokeRig(ctx context.Context, rig Rig, reason string, unknown bool, _ time.Time) error {
	return c.ask(ctx, http.MethodPost, revokeRigPath, officeRequest{Rig: rig, Reason: reason, Unknown: unknown}, &struct{}{})
}

// RevokeCertificate asks for a revocation.
func (c *Client) RevokeCertificate(ctx context.Context, serial, reason string, _ time.Time) (rig Rig, err error) {
	return rig, c.ask(ctx, http.MethodPost, revokeCertificatePath, officeRequest{Serial: serial, Reason: reason}, &rig)
}

func (c *Client) ask(ctx context.Context, method, path string, asked officeRequest, answer any) error {
	body, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://shelf-backend"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // its address is not one that a person could use
		}
		return fmt.Errorf("asking the running server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	decoder := json.NewDecoder(io.LimitReader(resp.Body, maxOfficeAnswer))
	if resp.StatusCode == http.StatusOK {
		if err := decoder.Decode(answer); err != nil {
			return fmt.Errorf("the running server's answer is not what was asked for: %w", err)
		}
		return nil
	}
	var problem officeProblem
	if decoder.Decode(&problem) != nil || problem.Message == "" {
		return fmt.Errorf("the running server answered %s; is it an older version?", resp.Status)
	}
	return &refusal{problem}
}

// refusal is the running server's no.
type refusal struct{ officeProblem }

func (r *refusal) Error() string { return r.Message }

func (r *refusal) Is(target error) bool { return target == ErrUnknownRig && r.Unknown }
