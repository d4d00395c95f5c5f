package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// judgement is what the simulator says.
type judgement struct {
	Decision string   `json:"decision"` // Allowed, ExplicitlyDenied, ImplicitlyDenied or error
	Denies   []string `json:"denies"`
	Ignored  []string `json:"ignored"`
	Error    string   `json:"error"`
}

func (j judgement) expect() string {
	if j.Decision == "Allowed" {
		return "allow"
	}
	return "deny"
}

// simulate plays all of them, in order.
func simulate(t *testing.T, simulations []simulation) []judgement {
	t.Helper()
	input, err := json.Marshal(simulations)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "run.mjs")
	cmd.Dir = "simulate"
	cmd.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the simulator: %v\n%s", err, stderr.String())
	}
	var judgements []judgement
	if err := json.Unmarshal(out, &judgements); err != nil || len(judgements) != len(simulations) {
		t.Fatalf("the simulator gave %d answers for %d questions: %v", len(judgements), len(simulations), err)
	}
	for i, j := range judgements {
		if j.Decision == "error" {
			t.Fatalf("the simulator cannot play %+v: %s", simulations[i].Request, j.Error)
		}
		slices.Sort(j.Denies)
		judgements[i].Denies = slices.Compact(j.Denies)
	}
	return judgements
}

// installSimulator fetches what package-lock.json pins, once.
func installSimulator(t *testing.T) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, "there is no "+program+" here: the policies are not simulated; install Node.js 20 or newer")
		}
	}
	locked, err := os.Stat("simulate/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if there, err := os.Stat("simulate/node_modules/.package-lock.json"); err == nil && there.ModTime().After(locked.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--silent")
	cmd.Dir = "simulate"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}

// testPolicies plays every story on the policies that were made.
func testPolicies(t *testing.T, w world) {
	told := stories(t)
	simulations := make([]simulation, len(told))
	for i, s := range told {
		simulations[i] = w.play(t, s)
	}
	for i, j := range simulate(t, simulations) {
		s := told[i]
		t.Run(s.Story, func(t *testing.T) {
			slices.Sort(s.By)
			if j.expect() != s.Expect || !slices.Equal(j.Denies, s.By) {
				t.Errorf("%s %s %s from %s: %s by %v, want %s by %v", s.Who, s.Does, s.To, s.From, j.Decision, j.Denies, s.Expect, s.By)
			}
			if len(j.Ignored) > 0 {
				t.Errorf("the simulator did not look at %v", j.Ignored)
			}
		})
	}
}

// mutant is the world with one statement changed, and the story that should notice.
type mutant struct {
	what  string
	story story
	sim   simulation
}

// testMutations takes out each refusal, and each condition that nothing else repeats, one at a time: a story has to come
// out otherwise, or nobody would miss it.
func testMutations(t *testing.T, w world) {
	var mutants []mutant
	wanted := map[string]bool{} // what has to be noticed; true once it was
	mutate := func(name string, i int, changed policy, what string) {
		what = fmt.Sprintf("%s: %s %s", name, w.policies[name].Statement[i].sid(), what)
		wanted[what] = false
		other := w
		other.policies = map[string]policy{}
		for n, p := range w.policies {
			other.policies[n] = p
		}
		other.policies[name] = changed
		for _, s := range stories(t) {
			identity, boundary, resource, endpoint := w.uses(t, s)
			if slices.Contains([]string{identity, boundary, resource, endpoint}, name) {
				mutants = append(mutants, mutant{what, s, other.play(t, s)})
			}
		}
	}
	// The conditions of what a role or an endpoint allows are there a second time, in these.
	alone := []string{"access_log_bucket", "key_frames", "queue"}
	for _, name := range []string{
		"bucket", "access_log_bucket", "key_frames", "queue", "topic", "ca_key_secret", "boundary", "ticket_api", "pipeline",
		"endpoint_shops", "endpoint_functions", "endpoint_store_4800",
	} {
		for i, s := range w.document(t, name).Statement {
			if s.refuses() {
				mutate(name, i, w.policies[name].without(i), "is not there")
			} else if _, conditional := s["Condition"]; conditional && slices.Contains(alone, name) {
				mutate(name, i, w.policies[name].with(i, s.without("Condition")), "has no condition")
			}
		}
	}
	simulations := make([]simulation, len(mutants))
	for i, m := range mutants {
		simulations[i] = m.sim
	}
	for i, j := range simulate(t, simulations) {
		if m := mutants[i]; j.expect() != m.story.Expect {
			wanted[m.what] = true
		}
	}
	for what, noticed := range wanted {
		if !noticed {
			t.Errorf("nobody would miss it: %s", what)
		}
	}
	if len(wanted) < 20 {
		t.Errorf("only %d mutations", len(wanted))
	}
	t.Logf("%d mutations, %d simulations", len(wanted), len(mutants))
}

// testTheKeyIsForThisBucket asserts what the simulator does not know: the frames' key is for S3, for this bucket.
func testTheKeyIsForThisBucket(t *testing.T, w world) {
	uses := 0
	for _, s := range w.policies["key_frames"].Statement {
		actions, err := json.Marshal(s["Action"])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(actions, []byte("Decrypt")) && !bytes.Contains(actions, []byte("GenerateDataKey")) && !bytes.Contains(actions, []byte("*")) {
			continue
		}
		uses++
		condition, _ := s["Condition"].(map[string]any)
		equals, _ := condition["StringEquals"].(map[string]any)
		if equals["kms:EncryptionContext:aws:s3:arn"] != w.names["frames"] || equals["kms:ViaService"] != "s3."+w.names["region"]+".amazonaws.com" {
			t.Errorf("%s lets the key be used otherwise: %v", s.sid(), condition)
		}
	}
	if uses == 0 {
		t.Error("nobody may use the key")
	}
}
