package doctor

import (
	"net/netip"
	"time"

	"shelfagent/agent/health"
)

// Outcome of a step. The zero value is invalid.
type Outcome string

// Outcomes.
const (
	OK      Outcome = "ok"
	Warn    Outcome = "warn" // it works, or does not matter yet
	Fail    Outcome = "fail"
	Skipped Outcome = "skipped" // it could not be tried
)

// Result is one step, as JSON the document of `shelf-agent doctor --json`.
type Result struct {
	Step    string  `json:"step"`
	Outcome Outcome `json:"outcome"`
	// Saw is what was found.
	Saw string `json:"saw"`
	// Means says what that does to the frames, and Do what to do about it; both are empty when all is well.
	Means string `json:"means,omitempty"`
	Do    string `json:"do,omitempty"`
	// Condition is the code of the condition that a running agent has by the same cause.
	Condition health.Code `json:"condition,omitempty"`
	// Host is the host:port that a firewall has to let through, Addresses are what DNS says of it, and Private whether all
	// of these are of private networks.
	Host      string       `json:"host,omitempty"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Private   *bool        `json:"private,omitempty"`
	// Signer is who signed the certificate that was shown.
	Signer string `json:"signer,omitempty"`
	// ClockOffset is how far the backend's clock is ahead of this machine's, in seconds.
	ClockOffset *float64 `json:"clock_offset_seconds,omitempty"`
	// Key is the canary's.
	Key string `json:"key,omitempty"`
	// Seconds is how long the step took.
	Seconds float64 `json:"seconds"`
}

func ok(step, saw string) Result { return Result{Step: step, Outcome: OK, Saw: saw} }

func skipped(step, saw string) Result { return Result{Step: step, Outcome: Skipped, Saw: saw} }

func warn(step, saw, do string) Result { return Result{Step: step, Outcome: Warn, Saw: saw, Do: do} }

func fail(step, saw, do string) Result { return Result{Step: step, Outcome: Fail, Saw: saw, Do: do} }

// is gives a result the words of a declared condition, where it has none of its own.
func (r Result) is(code health.Code) Result {
	for _, c := range health.All() {
		if c.Code == code {
			r.Condition, r.Means = code, c.Meaning
			if r.Do == "" {
				r.Do = c.Do
			}
		}
	}
	return r
}

// since notes the time that it took.
func (r Result) since(began time.Time) Result {
	r.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	return r
}
