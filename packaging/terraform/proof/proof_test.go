package proof

import (
	"encoding/json"
	"os"
	"testing"
)

const (
	// mirrorEnv is the folder of a mirror of Terraform's providers; `make test-terraform` looks for one.
	mirrorEnv = "TERRAFORM_MIRROR"
	// shownEnv names a file, of `terraform show -json`, of a deployment that is there: its policies are simulated, and
	// nothing is made here.
	shownEnv = "TERRAFORM_SHOW"
)

// TestDeployment makes one deployment and holds everything against it.
func TestDeployment(t *testing.T) {
	if path := os.Getenv(shownEnv); path != "" {
		shown, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		provePolicies(t, worldOf(t, read(t, shown)))
		return
	}
	mirror := os.Getenv(mirrorEnv)
	if mirror == "" {
		t.Skip("SKIPPED: packaging/terraform is not applied here, which takes minutes; `make test-terraform` does it")
	}
	s := apply(t, mirror)
	w := worldOf(t, s.deployment)
	t.Run("settings", func(t *testing.T) { testSettings(t, s, w) })
	t.Run("a frame", func(t *testing.T) { testFrame(t, s, w) })
	provePolicies(t, w)
}

func provePolicies(t *testing.T, w world) {
	t.Helper()
	t.Run("the key is for this bucket", func(t *testing.T) { testTheKeyIsForThisBucket(t, w) })
	t.Run("policies", func(t *testing.T) {
		installSimulator(t)
		t.Run("stories", func(t *testing.T) { testPolicies(t, w) })
		t.Run("mutations", func(t *testing.T) { testMutations(t, w) })
	})
}

func read(t *testing.T, shown []byte) *deployment {
	t.Helper()
	var d deployment
	if err := json.Unmarshal(shown, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// missing skips aloud what this machine has not got, where that is not an error.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}
