package uploader

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// batch takes leased items through one request for tickets, and each on its own from there. Every item's
// slot is freed exactly once. A probe is a batch of one.
func (u *Uploader) batch(ctx context.Context, items []queue.Item, probe Probe) {
	items = slices.DeleteFunc(items, func(item queue.Item) bool { return u.hopeless(item, probe) })
	if len(items) == 0 {
		return
	}
	uploads := make([]ticket.Upload, len(items))
	for i, item := range items {
		uploads[i] = describe(item)
	}
	answers, seen := u.tickets(ctx, uploads)
	if seen != nil && len(items) > 1 && isRequestFault(seen.Status) {
		// One of them spoils the request; only asking one by one can tell which.
		for i := range items {
			u.batch(ctx, items[i:i+1], probe)
		}
		return
	}
	if seen != nil {
		u.lookAround(ctx, seen)
	}
	for i, item := range items {
		u.wg.Go(func() {
			defer u.free()
			if seen != nil {
				u.settle(item, *seen, delivery{}, probe)
				return
			}
			u.send(ctx, item, uploads[i], answers[string(item.ID)], probe)
		})
	}
}

// tickets asks for tickets. A backend that issues one can read what it is asked.
func (u *Uploader) tickets(ctx context.Context, uploads []ticket.Upload) (map[string]ticket.Answer, *Seen) {
	answers, seen := u.asker.ask(ctx, uploads)
	for _, answer := range answers {
		if answer.Ticket != nil {
			u.mu.Lock()
			clear(u.unread)
			u.mu.Unlock()
			break
		}
	}
	return answers, seen
}

// hopeless parks a frame that was tried more often than judging its outcomes allows: the tries in excess were
// never judged, because the agent did not live to see their outcome.
func (u *Uploader) hopeless(item queue.Item, probe Probe) bool {
	if item.Attempts <= u.opts.MaxAttempts {
		return false
	}
	defer u.free()
	err := fmt.Errorf("%w: %d tries were begun, at most %d are allowed", errGaveUp, item.Attempts-1, u.opts.MaxAttempts)
	u.settle(item, Seen{Err: err}, delivery{}, probe)
	return true
}

// free gives a slot back. It never blocks: there are no more slots than freed has room for.
func (u *Uploader) free() { u.freed <- struct{}{} }

// describe makes the request for a ticket from what the queue knows.
func describe(item queue.Item) ticket.Upload {
	return ticket.Upload{
		Frame: string(item.ID), Camera: item.Camera, CapturedAt: item.CapturedAt.UTC(),
		Bytes: item.Bytes, ContentType: item.ContentType,
		SHA256: hex.EncodeToString(item.SHA256[:]), MD5: hex.EncodeToString(item.MD5[:]),
		Metadata: item.Metadata,
	}
}

// send PUTs one frame with its ticket. A ticket that ran out on the way is replaced once, at once.
func (u *Uploader) send(ctx context.Context, item queue.Item, upload ticket.Upload, answer ticket.Answer, probe Probe) {
	for try := 1; ; try++ {
		seen, d := u.attempt(ctx, item, upload, answer)
		if Judge(seen).Cause != CauseTicketExpired || try > 1 {
			u.settle(item, seen, d, probe)
			return
		}
		answers, failed := u.tickets(ctx, []ticket.Upload{upload})
		if failed != nil {
			u.settle(item, *failed, delivery{}, probe)
			return
		}
		answer = answers[upload.Frame]
	}
}

// delivery is what a receipt needs beyond the item.
type delivery struct {
	key  string
	etag string
}

func (u *Uploader) attempt(ctx context.Context, item queue.Item, upload ticket.Upload, answer ticket.Answer) (Seen, delivery) {
	target, refused := u.accept(upload, answer)
	if refused != nil {
		return *refused, delivery{}
	}
	payload, err := u.open(item)
	if err != nil {
		return Seen{Err: err}, delivery{}
	}
	defer func() { _ = payload.Close() }()
	seen, etag := u.putter.put(ctx, target, answer.Ticket, item, payload)
	if Judge(seen).Rehash {
		if err := rehash(payload, item); err != nil {
			seen = Seen{Err: err}
		}
	}
	return seen, delivery{key: answer.Ticket.Key, etag: etag}
}

// accept returns where an answer sends the upload, or why it goes nowhere.
func (u *Uploader) accept(upload ticket.Upload, answer ticket.Answer) (*url.URL, *Seen) {
	switch {
	case answer.Refusal != nil:
		return nil, &Seen{
			Asked: true, Refused: true, Status: http.StatusUnprocessableEntity,
			Code: cmp.Or(word(answer.Refusal.Code), "unnamed"), Message: sentence(answer.Refusal.Message),
		}
	case answer.Ticket == nil:
		return nil, &Seen{Asked: true, Err: fmt.Errorf("%w: it passed over this frame", errBackendFault)}
	}
	target, err := u.policy.Verify(*answer.Ticket, upload)
	if err != nil {
		return nil, &Seen{Asked: true, Err: fmt.Errorf("%w: %w", errTicketRefused, err)}
	}
	return target, nil
}

// open finds out about a payload that cannot be the frame's before any byte of it is sent.
func (u *Uploader) open(item queue.Item) (*os.File, error) {
	payload, err := u.queue.Payload(item.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errPayloadMissing
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPayloadUnreadable, err)
	}
	info, err := payload.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", errPayloadUnreadable, err)
	case info.Size() != item.Bytes:
		err = errPayloadDamaged
	default:
		return payload, nil
	}
	return nil, errors.Join(err, payload.Close())
}

// rehash tells a payload that has changed from one that the disk does not give: that one may be sound.
func rehash(payload *os.File, item queue.Item) error {
	hash := sha256.New()
	n, err := io.Copy(hash, io.NewSectionReader(payload, 0, item.Bytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errPayloadUnreadable, err)
	case n != item.Bytes || [sha256.Size]byte(hash.Sum(nil)) != item.SHA256:
		return errPayloadDamaged
	}
	return nil
}
