package proof

import (
	"encoding/json"
	"os"
	"testing"
)

const (
	// enabledEnv makes this package's tests run at all.
	enabledEnv = "TERRAFORM"
	// shownEnv names a file, of `terraform show -json`, of a deployment that is there: its policies are simulated instead
	// of those of one that is made here.
	shownEnv = "SHELF_TERRAFORM_SHOW"
)

// TestDeployment makes one deployment and holds everything against it.
func TestDeployment(t *testing.T) {
	if os.Getenv(enabledEnv) == "" {
		t.Skip("SKIPPED: packaging/terraform is not applied here, which takes minutes; `make test-terraform` does it")
	}
	if path := os.Getenv(shownEnv); path != "" {
		shown, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		provePolicies(t, read(t, shown))
		return
	}
}

func provePolicies(t *testing.T, d *deployment) {
	t.Helper()
	w := worldOf(t, d)
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
