package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "shelfagent/"

// house says which package of the module may import which, tests aside. Imports go one way: from the programs
// through the agent to the stages, and the stages know nothing of each other.
var house = map[string][]string{
	"cmd/shelf-agent":        {"agent", "agent/capture", "agent/config", "agent/config/strict", "agent/desk", "agent/doctor", "agent/find", "agent/frame", "agent/patience", "agent/status", "agent/support", "agent/trail", "queue", "systemd", "uploader", "uploader/device", "uploader/ticket"},
	"cmd/shelf-agent/e2e":    {},
	"cmd/shelf-backend":      {"agent/config/strict", "agent/frame", "cmd/shelf-backend/demo", "uploader/backend", "uploader/backend/authority", "uploader/backend/bucket", "uploader/backend/devpki", "uploader/backend/pipeline", "uploader/backend/registry", "uploader/ticket"},
	"cmd/shelf-backend/demo": {"agent/status", "uploader/backend", "uploader/backend/devpki", "uploader/ticket"},

	"agent":               {"agent/capture", "agent/config", "agent/config/strict", "agent/desk", "agent/diagnosis", "agent/find", "agent/frame", "agent/health", "agent/pulse", "agent/status", "agent/trail", "queue", "uploader", "uploader/device", "uploader/ticket"},
	"agent/config":        {"agent/capture", "agent/config/strict", "agent/frame", "queue", "uploader", "uploader/device", "uploader/ticket"},
	"agent/config/strict": {},
	"agent/desk":          {"queue"},
	"agent/diagnosis":     {"agent/health", "uploader"},
	"agent/doctor":        {"agent/config", "agent/diagnosis", "agent/health", "agent/patience", "agent/status", "uploader", "uploader/device", "uploader/ticket"},
	"agent/find":          {"agent/capture", "agent/desk", "agent/frame", "agent/trail", "queue"},
	"agent/capture":       {},
	"agent/frame":         {},
	"agent/health":        {},
	"agent/patience":      {},
	"agent/pulse":         {},
	"agent/status":        {"agent/trail"},
	"agent/support":       {"agent/config", "agent/config/strict", "agent/desk", "agent/patience", "agent/status", "uploader/ticket"},
	"agent/trail":         {},

	"agent/capture/deafmount": {},

	"queue":                      {},
	"queue/faults":               {},
	"queue/powercut":             {"queue"},
	"queue/slowdisk":             {},
	"uploader":                   {"queue", "uploader/device", "uploader/ticket"},
	"uploader/device":            {"uploader/ticket"},
	"uploader/issuertest":        {"uploader/backend/devpki", "uploader/ticket"},
	"uploader/ticket":            {},
	"uploader/backend":           {"uploader/backend/authority", "uploader/backend/mototest", "uploader/backend/registry", "uploader/ticket"},
	"uploader/backend/authority": {"uploader/ticket"},
	"uploader/backend/bucket":    {"uploader/backend"},
	"uploader/backend/devpki":    {"uploader/backend/authority", "uploader/ticket"},
	"uploader/backend/mototest":  {},
	"uploader/backend/registry":  {"uploader/ticket"},
	"uploader/backend/s3test":    {"uploader/backend", "uploader/backend/devpki", "uploader/ticket"},

	"uploader/backend/lambdatest": {},
	"uploader/backend/pipeline":   {"uploader/ticket"},

	"systemd":                   {},
	"packaging":                 {},
	"packaging/container/image": {},
	"packaging/monitoring":      {},
	"packaging/release":         {},
	"packaging/systemdtest":     {},
	"packaging/terraform":       {},
	"packaging/terraform/proof": {},
}

// awsAllowed are the packages that may use the AWS SDK. The demo signs nothing itself; it hands the backend its
// credentials.
var awsAllowed = []string{"uploader/backend", "uploader/backend/authority", "uploader/backend/bucket", "uploader/backend/mototest", "uploader/backend/pipeline", "uploader/backend/registry", "uploader/backend/s3test", "cmd/shelf-backend/demo"}

const awsSDK = "github.com/aws/"

type listed struct {
	ImportPath string
	Doc        string
	Standard   bool
	Imports    []string
}

func list(t *testing.T, goos string, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Doc,Standard,Imports"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	packages := list(t, "linux", "./...")
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := house[name]
		if !known {
			t.Errorf("%s has no place in the house: give it one in this test", name)
		}
		for _, i := range p.Imports {
			inside, isOurs := strings.CutPrefix(i, module)
			switch {
			case isOurs && !slices.Contains(allowed, inside):
				t.Errorf("%s must not import %s", name, inside)
			case strings.HasPrefix(i, awsSDK) && !slices.Contains(awsAllowed, name):
				t.Errorf("%s must not use the AWS SDK (%s)", name, i)
			case i == "C":
				t.Errorf("%s uses cgo", name)
			case name == "uploader/ticket" && strings.Contains(strings.SplitN(i, "/", 2)[0], "."):
				t.Errorf("uploader/ticket uses %s; it is standard library only", i)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range list(t, "linux", "./...") {
		if len(p.Doc) < 40 {
			t.Errorf("%s has no package comment to speak of: %q", p.ImportPath, p.Doc)
		}
	}
}

// TestP7_TheAgentLinksNoAWSSDK: a rig that cannot speak to the cloud by itself holds nothing worth stealing.
func TestP7_TheAgentLinksNoAWSSDK(t *testing.T) {
	for _, goos := range []string{"linux", "windows", "darwin"} {
		packages := list(t, goos, "-deps", "./cmd/shelf-agent")
		if len(packages) < 100 {
			t.Fatalf("%s: go list found only %d packages", goos, len(packages))
		}
		for _, p := range packages {
			if strings.HasPrefix(p.ImportPath, awsSDK) {
				t.Errorf("%s: the agent links %s", goos, p.ImportPath)
			}
		}
	}
}
