package doctor

import (
	"strings"
	"testing"
	"time"

	"shelfagent/agent/config"
)

// TestASealedKeyIsNoFault: the advice to enrol would part the rig from its key.
func TestASealedKeyIsNoFault(t *testing.T) {
	const file = "/etc/credstore.encrypted/shelf-agent.rig-key"
	for _, tc := range []struct {
		sealed config.SealedError
		do     string
	}{
		{config.SealedError{File: file}, "Do not enrol for this."},
		{config.SealedError{File: file, Maybe: true}, "If no agent runs: sudo ls /etc/credstore.encrypted. If the key is not there either, it is lost: " + enrolAnew},
	} {
		got := identity(nil, &tc.sealed, time.Now())
		if got.Outcome != Skipped || !strings.Contains(got.Saw, file) || !strings.Contains(got.Do, tc.do) || got.Condition != "" ||
			strings.Contains(got.Do, "enroll") != tc.sealed.Maybe {
			t.Errorf("%+v", got)
		}
	}
}
