package terraform

import (
	"os"
	"strconv"
	"testing"

	"shelfagent/uploader/ticket"
)

// TestFirewallTakesTheLongestBodies: what the firewall refuses never gets to the backend, and a rig that is refused sends
// the same again. That the agent's bodies stay below ticket.MaxSentBytes, tests of packages agent and ticket say.
func TestFirewallTakesTheLongestBodies(t *testing.T) {
	const file = "modules/ticket_api/waf.tf"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := named(text, `(?m)^ *body_bytes += (\d+)$`)
	if len(found) != 1 {
		t.Fatalf("%s: body_bytes is %q, want one number", file, found)
	}
	if refused, err := strconv.Atoi(found[0]); err != nil || refused <= ticket.MaxSentBytes {
		t.Errorf("%s refuses bodies of %s bytes and more; the agent sends %d", file, found[0], ticket.MaxSentBytes)
	}
}
