package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// batch takes leased items through one request for tickets, and each on its own from there. Every item's
// slot is freed exactly once.
func (u *Uploader) batch(ctx context.Context, items []queue.Item) {
	uploads := make([]ticket.Upload, len(items))
	for i, item := range items {
		uploads[i] = describe(item)
	}
	answers, seen := u.asker.ask(ctx, uploads)
	if seen != nil && len(items) > 1 && isRequestFault(seen.Status) {
		// One of them spoils the request; only asking one by one can tell which.
		for i := range items {
			u.batch(ctx, items[i:i+1])
		}
		return
	}
	for i, item := range items {
		u.wg.Go(func() {
			defer func() { u.freed <- struct{}{} }()
			if seen != nil {
				u.settle(item, *seen, delivery{})
				return
			}
			u.send(ctx, item, uploads[i], answers[string(item.ID)])
		})
	}
}

// isRequestFault tells an answer to what was asked from one to who asked or when.
func isRequestFault(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

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
func (u *Uploader) send(ctx context.Context, item queue.Item, upload ticket.Upload, answer ticket.Answer) {
	for try := 1; ; try++ {
		seen, d := u.attempt(ctx, item, upload, answer)
		if Judge(seen).Cause != CauseTicketExpired || try > 1 {
			u.settle(item, seen, d)
			return
		}
		answers, failed := u.asker.ask(ctx, []ticket.Upload{upload})
		if failed != nil {
			u.settle(item, *failed, delivery{})
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
	switch {
	case answer.Refusal != nil:
		return Seen{Asked: true, Status: http.StatusUnprocessableEntity, Code: word(answer.Refusal.Code)}, delivery{}
	case answer.Ticket == nil:
		return Seen{Asked: true, Err: fmt.Errorf("%w: it passed over this frame", errBackendFault)}, delivery{}
	}
	target, err := u.policy.Verify(*answer.Ticket, upload)
	if err != nil {
		return Seen{Asked: true, Err: fmt.Errorf("%w: %w", errTicketRefused, err)}, delivery{}
	}
	payload, err := u.open(item)
	if err != nil {
		return Seen{Err: err}, delivery{}
	}
	defer func() { _ = payload.Close() }()
	seen, etag := u.putter.put(ctx, target, answer.Ticket, item, payload)
	if Judge(seen).Rehash && !intact(payload, item) {
		seen = Seen{Err: errPayloadDamaged}
	}
	return seen, delivery{key: answer.Ticket.Key, etag: etag}
}

// open finds out about a payload that cannot be the frame's before any byte of it is sent.
func (u *Uploader) open(item queue.Item) (*os.File, error) {
	payload, err := u.queue.Payload(item.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errPayloadMissing
	}
	if err != nil {
		return nil, err
	}
	info, err := payload.Stat()
	if err == nil && info.Size() != item.Bytes {
		err = errPayloadDamaged
	}
	if err != nil {
		_ = payload.Close()
		return nil, err
	}
	return payload, nil
}

func intact(payload *os.File, item queue.Item) bool {
	hash := sha256.New()
	n, err := io.Copy(hash, io.NewSectionReader(payload, 0, item.Bytes+1))
	return err == nil && n == item.Bytes && [sha256.Size]byte(hash.Sum(nil)) == item.SHA256
}
