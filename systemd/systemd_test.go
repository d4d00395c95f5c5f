package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unit is the shipped unit: values by section and key, in their order.
func unit(t *testing.T) map[string]map[string][]string {
	t.Helper()
	sections := map[string]map[string][]string{}
	section := ""
	key := regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	for i, line := range strings.Split(string(Unit), "\n") {
		switch name, value, ok := strings.Cut(line, "="); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
			sections[section] = map[string][]string{}
		case !ok || !key.MatchString(name) || section == "":
			t.Errorf("line %d is neither a comment, a section nor Key=Value: %q", i+1, line)
		case strings.TrimSpace(value) != value || strings.HasSuffix(value, `\`):
			t.Errorf("line %d: blanks at the ends, or a continuation: %q", i+1, line)
		default:
			sections[section][name] = append(sections[section][name], value)
		}
	}
	return sections
}

func TestTheUnitParses(t *testing.T) {
	u := unit(t)
	for _, section := range []string{"Unit", "Service", "Install"} {
		if len(u[section]) == 0 {
			t.Errorf("no [%s]", section)
		}
	}
	if len(u) != 3 {
		t.Errorf("%d sections", len(u))
	}
	for section, keys := range u {
		for key, values := range keys {
			if len(values) > 1 && key != "SystemCallFilter" {
				t.Errorf("[%s] %s is there %d times; the last would win silently", section, key, len(values))
			}
		}
	}
}

// TestWhatTheAgentRestsOn: lines that other parts of the program assume.
func TestWhatTheAgentRestsOn(t *testing.T) {
	u := unit(t)
	for key, want := range map[string]string{
		"ExecStart": "/usr/bin/shelf-agent run --config /etc/shelf-agent/config.toml",
		"Restart":   "always", "KillSignal": "SIGTERM", "User": "shelf-agent", "SupplementaryGroups": "cameras",
		"UMask": "0077", "StateDirectory": "shelf-agent", "StateDirectoryMode": "0700", "RuntimeDirectory": "shelf-agent",
		"RuntimeDirectoryMode": "0750", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "",
		"ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
	} {
		if got := u["Service"][key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := u["Unit"]["StartLimitIntervalSec"]; !slices.Equal(got, []string{"0"}) {
		t.Errorf("after some crashes systemd would give up: StartLimitIntervalSec=%q", got)
	}
}

// TestEveryHardeningLineHasItsReason: a paragraph of settings begins with a comment.
func TestEveryHardeningLineHasItsReason(t *testing.T) {
	_, service, _ := strings.Cut(string(Unit), "[Service]\n")
	service, _, _ = strings.Cut(service, "[Install]")
	for i, paragraph := range strings.Split(strings.TrimSpace(service), "\n\n") {
		if i > 0 && !strings.HasPrefix(paragraph, "#") {
			t.Errorf("no reason is given for:\n%s", paragraph)
		}
	}
}

func TestTheAccountsOfTheUnitAreDeclared(t *testing.T) {
	u := unit(t)
	declared := regexp.MustCompile(`(?m)^[ug] (\S+)`).FindAllStringSubmatch(string(Sysusers), -1)
	for _, key := range []string{"User", "Group", "SupplementaryGroups"} {
		for _, name := range u["Service"][key] {
			if !slices.ContainsFunc(declared, func(d []string) bool { return d[1] == name }) {
				t.Errorf("%s=%s is not declared in shelf-agent.sysusers", key, name)
			}
		}
	}
}

// worstExposure is what systemd-analyze may find at most, from 0 to 10. What remains is the network, which the
// agent is for.
const worstExposure = "15" // in tenths

// TestSystemdItselfAgrees asks the machine's own systemd, where there is one.
func TestSystemdItselfAgrees(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("NOT TESTED: there is no systemd-analyze on this machine, so nobody who knows systemd has read the unit")
	}
	root := systemRoot(t)
	out, err := exec.Command(analyze, "verify", "--root="+root, "--man=no", "shelf-agent.service").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err = exec.Command(analyze, "security", "--offline=true", "--root="+root, "--no-pager", "--threshold="+worstExposure, "shelf-agent.service").CombinedOutput()
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// systemRoot is the least of a system that the unit can be part of.
func systemRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/systemd/system/shelf-agent.service", string(Unit), 0o644)
	write("usr/bin/shelf-agent", "#!/bin/sh\n", 0o755)
	for _, target := range []string{"sysinit", "basic", "shutdown", "network", "local-fs", "multi-user"} {
		write("etc/systemd/system/"+target+".target", "[Unit]\nDescription="+target+"\n", 0o644)
	}
	return root
}
