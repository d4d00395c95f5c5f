package uploader

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

const sevenDays = 7 * 24 * time.Hour

// clockwork is a Renewer with nothing but its clock: what it does is the test's.
type clockwork struct {
	*Renewer
	current *x509.Certificate
	tries   []time.Time
}

// newClockwork is for the rig with a number, enrolled now.
func newClockwork(n uint64, do func(c *clockwork) error) *clockwork {
	c := &clockwork{}
	c.issue(n)
	c.Renewer = &Renewer{
		log: slog.New(slog.DiscardHandler), leaf: func() *x509.Certificate { return c.current }, waiting: func() bool { return false },
		renew: func(context.Context) error {
			c.tries = append(c.tries, time.Now())
			return do(c)
		},
	}
	return c
}

// issue gives it a certificate whose bytes are its own.
func (c *clockwork) issue(n uint64) {
	now := time.Now()
	raw := binary.BigEndian.AppendUint64(nil, n)
	c.current = &x509.Certificate{Raw: raw, NotBefore: now, NotAfter: now.Add(sevenDays)}
}

// TestAFleetThatWasEnrolledTogetherRenewsApart: 10,000 rigs of one minute. Their first days are left out.
func TestAFleetThatWasEnrolledTogetherRenewsApart(t *testing.T) {
	const fleet = 10_000
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		rigs := make([]*clockwork, fleet)
		begin := time.Now()
		for i := range rigs {
			serial := uint64(i)
			rigs[i] = newClockwork(serial, func(c *clockwork) error { c.issue(serial + fleet); return nil })
			time.Sleep(time.Minute / fleet)
		}
		time.Sleep(sevenDays * 665 / 1000)
		for _, r := range rigs {
			go func() { _ = r.Run(ctx) }()
		}
		time.Sleep(sevenDays * 105 / 1000)
		stop()
		synctest.Wait()
		byMinute := map[time.Duration]int{}
		for _, r := range rigs {
			if len(r.tries) != 1 {
				t.Fatalf("%d renewals", len(r.tries))
			}
			at := r.tries[0].Sub(begin)
			if at < sevenDays*2/3 || at > sevenDays*77/100+time.Minute {
				t.Fatalf("the first renewal after %s", at)
			}
			byMinute[at.Truncate(time.Minute)]++
		}
		// A tenth of a week is 1,008 minutes, so the mean is ten a minute.
		if most := slices.Max(slices.Collect(maps.Values(byMinute))); most > 30 || len(byMinute) < 1000 {
			t.Errorf("%d renewals in one minute, over %d minutes", most, len(byMinute))
		}
	})
}

// TestAFleetThatIsSwitchedOnTogether: a shop's rigs are off at night, and over their time in the morning.
func TestAFleetThatIsSwitchedOnTogether(t *testing.T) {
	const fleet = 10_000
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		rigs := make([]*clockwork, fleet)
		for i := range rigs {
			rigs[i] = newClockwork(uint64(i), func(c *clockwork) error { c.issue(uint64(i + fleet)); return nil })
		}
		time.Sleep(sevenDays * 8 / 10)
		morning := time.Now()
		for _, r := range rigs {
			go func() { _ = r.Run(ctx) }()
		}
		time.Sleep(time.Hour)
		stop()
		synctest.Wait()
		bySecond := map[time.Duration]int{}
		for _, r := range rigs {
			if len(r.tries) != 1 {
				t.Fatalf("%d renewals", len(r.tries))
			}
			bySecond[r.tries[0].Sub(morning).Truncate(time.Second)]++
		}
		// Ten minutes are 600 seconds, so the mean is 17 a second.
		if most := slices.Max(slices.Collect(maps.Values(bySecond))); most > 50 {
			t.Errorf("%d renewals in one second", most)
		}
	})
}

// TestFailuresAreTriedAgainLessAndLess, and never past the end of the certificate's life without a try.
func TestFailuresAreTriedAgainLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		c := newClockwork(1, func(*clockwork) error { return errors.New("no") })
		end := c.current.NotAfter
		go func() { _ = c.Run(ctx) }()
		time.Sleep(sevenDays)
		stop()
		synctest.Wait()
		if n := len(c.tries); n < 50 || n > 500 {
			t.Errorf("%d tries in the last days", n)
		}
		if last := c.tries[len(c.tries)-1]; end.Sub(last) > 15*time.Minute {
			t.Errorf("no try in the last %s", end.Sub(last))
		}
		if s := c.Status(); s.Problem != "no" || s.Lasting || s.Since.Sub(c.tries[0]) > time.Second {
			t.Errorf("%+v", s)
		}
		c.renew = func(context.Context) error { return nil }
		c.next = time.Time{}
		c.turn(t.Context())
		if s := c.Status(); s != (RenewalStatus{}) {
			t.Errorf("it is over, but %+v", s)
		}
	})
}

// TestAWrongClockRenewsInNoTightLoop: a clock that is a year ahead takes every certificate for ended, the new one too.
func TestAWrongClockRenewsInNoTightLoop(t *testing.T) {
	for story, tc := range map[string]struct {
		ahead time.Duration // of the backend
		known bool
		most  int
	}{
		"a year ahead, and nobody knows":  {-365 * 24 * time.Hour, false, 5},
		"a year ahead, and it is known":   {-365 * 24 * time.Hour, true, 4},
		"a month behind, and it is known": {30 * 24 * time.Hour, true, 4},
		"right":                           {0, true, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			n := uint64(1)
			shift := func(c *clockwork) {
				c.current.NotBefore, c.current.NotAfter = c.current.NotBefore.Add(tc.ahead), c.current.NotAfter.Add(tc.ahead)
			}
			c := newClockwork(n, func(c *clockwork) error { n++; c.issue(n); shift(c); return nil })
			shift(c)
			if tc.known {
				c.ahead = func() time.Duration { return tc.ahead }
			}
			go func() { _ = c.Run(ctx) }()
			time.Sleep(2 * sevenDays)
			stop()
			synctest.Wait()
			if got := len(c.tries); got < 2 || got > tc.most {
				t.Errorf("%s: %d renewals in two weeks", story, got)
			}
		})
	}
}

func TestABackendThatAsksForTimeGetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for told, least := range map[time.Duration]time.Duration{0: 0, 20 * time.Minute: 20 * time.Minute, 24 * time.Hour: renewHear} {
			c := newClockwork(1, func(*clockwork) error {
				return &IssueError{Seen: Seen{Asked: true, Status: 429, RetryAfter: told}, Sent: true}
			})
			time.Sleep(sevenDays * 8 / 10)
			c.looked = true
			c.turn(t.Context())
			if wait := time.Until(c.next); wait < least || wait > least+2*renewDelayFirst {
				t.Errorf("told %s, waits %s", told, wait)
			}
			if c.Status().Lasting {
				t.Error("that will be over in a while")
			}
		}
	})
}
