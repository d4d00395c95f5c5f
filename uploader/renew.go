package uploader

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"shelfagent/uploader/device"
	"shelfagent/uploader/ticket"
)

// RefusedError says that the backend gave a certificate and then did not accept it.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string {
	return "the backend does not accept the certificate that it has issued, so the old one stays in use: " + e.Err.Error()
}
func (e *RefusedError) Unwrap() error { return e.Err }

// HomeError says that a renewed certificate could not be kept on this machine's disk.
type HomeError struct{ Err error }

func (e *HomeError) Error() string {
	return "a renewed certificate cannot be kept: " + e.Err.Error()
}
func (e *HomeError) Unwrap() error { return e.Err }

// lasting tells what a person has to see to from what is over in a while.
func lasting(err error) bool {
	var (
		answered *IssueError
		refused  *RefusedError
		home     *HomeError
		clock    *ticket.ClockError
	)
	switch {
	case errors.As(err, &refused), errors.As(err, &home), errors.Is(err, ticket.ErrEnrollment), errors.As(err, &clock):
		return true
	case errors.As(err, &answered):
		s := answered.Seen
		return answered.Denied() || s.Status >= 300 && s.Status < 500 && s.Status != 408 && s.Status != 429
	}
	return false
}

// unfinished tells whether a renewed certificate lies ready, or an enrolment was cut off.
func (r *Renewer) unfinished() bool {
	home := &r.identity.home
	candidate, err := home.Candidate()
	return candidate != nil || err != nil
}

// step takes a renewal from where it is to its end: ask, keep, try, use. Whatever is cut off is gone on with by the
// next step.
func (r *Renewer) step(ctx context.Context) error {
	home := &r.identity.home
	if _, err := home.Settle(); err != nil {
		return &HomeError{err}
	}
	present, err := home.Pair()
	if err != nil {
		return err
	}
	candidate, err := r.candidate(present)
	if err != nil {
		return err
	}
	if candidate == nil {
		if candidate, err = r.ask(ctx, present); err != nil {
			return err
		}
	}
	if err := r.try(ctx, candidate); err != nil {
		return err
	}
	if err := home.Promote(); err != nil {
		return homeError(err)
	}
	r.log.Info("the device certificate was renewed", "ends", candidate.Leaf.NotAfter.UTC().Format(time.RFC3339))
	return r.identity.Reload()
}

// candidate is what an earlier step has kept, if it is still better than what is in use.
func (r *Renewer) candidate(present *tls.Certificate) (*tls.Certificate, error) {
	home := &r.identity.home
	candidate, err := home.Candidate()
	if candidate == nil || err != nil {
		return nil, err
	}
	if sameRig(present, candidate) == nil && !candidate.Leaf.NotAfter.Before(present.Leaf.NotAfter) {
		return candidate, nil
	}
	return nil, homeError(home.Discard())
}

func (r *Renewer) ask(ctx context.Context, present *tls.Certificate) (*tls.Certificate, error) {
	home := &r.identity.home
	if err := home.TryRenew(); err != nil {
		return nil, &HomeError{err}
	}
	issued, err := r.issuer.renew(ctx, present, func() time.Time { return r.backendTime(time.Now()) })
	if err != nil {
		return nil, err
	}
	next := &tls.Certificate{Leaf: issued.Leaf}
	if err := sameRig(present, next); err != nil {
		return nil, err
	}
	if err := home.Stage(issued); err != nil {
		return nil, homeError(err)
	}
	candidate, err := home.Candidate()
	if candidate == nil && err == nil {
		err = device.ErrKeyChanged
	}
	return candidate, err
}

// try sees whether the candidate works. One that is refused is given up; of one that got no answer nothing is known.
func (r *Renewer) try(ctx context.Context, candidate *tls.Certificate) error {
	err := r.issuer.try(ctx, candidate)
	var answered *IssueError
	if errors.As(err, &answered) && answered.Denied() {
		return errors.Join(&RefusedError{err}, homeError(r.identity.home.Discard()))
	}
	return err
}

// sameRig keeps a renewal from making this rig another one: that takes an invitation.
func sameRig(present, next *tls.Certificate) error {
	is, err := ticket.ParseIdentity(present.Leaf)
	if err != nil {
		return err
	}
	becomes, err := ticket.ParseIdentity(next.Leaf)
	if err != nil {
		return err
	}
	if is != becomes {
		return fmt.Errorf("%w: it is for %s, this rig is %s", ticket.ErrEnrollment, becomes, is)
	}
	return nil
}

func homeError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return &HomeError{err}
	}
	return err
}
