package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// surroundings are what must not be seen in what is built.
type surroundings struct {
	umask, zone, locale, home string
	cold                      bool // nothing was compiled before
}

// TestTwoBuildsAreTheSameBytes builds from two copies of the source, in other folders, under another umask, time zone,
// locale and home, at another time. Short, it makes the packages of this machine alone and shares what Go has compiled;
// `make test-release` makes everything, the second time from nothing.
func TestTwoBuildsAreTheSameBytes(t *testing.T) {
	whole := os.Getenv("SHELFAGENT_RELEASE") == "whole"
	program := buildSelf(t)
	first := makeIn(t, program, "first", surroundings{umask: "022", zone: "Pacific/Auckland", locale: "C", home: t.TempDir()}, whole)
	second := makeIn(t, program, "the/second one", surroundings{umask: "077", zone: "America/Los_Angeles", locale: "C.UTF-8", home: t.TempDir(), cold: whole}, whole)
	a, b := digests(t, first), digests(t, second)
	if len(a) < 4 || len(a) != len(b) {
		t.Fatalf("%d and %d files were made", len(a), len(b))
	}
	for name, digest := range a {
		if b[name] != digest {
			t.Errorf("%s is not the same in both", name)
		}
	}
	t.Run("in the package", func(t *testing.T) { inPackage(t, first) })
	billIsTrue(t, first)
	if out, err := exec.Command("sh", "-c", `cd "$1" && sha256sum --check --strict SHA256SUMS`, "sh", first).CombinedOutput(); err != nil {
		t.Errorf("SHA256SUMS: %v\n%s", err, out)
	}
}

func buildSelf(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"nfpm", "cyclonedx-gomod"} {
		if _, err := os.Stat(filepath.Join(moduleDir(t), ".tools", tool)); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s was not built: %v", tool, err)
			}
			t.Skipf("NOT TESTED: %s was not built (%v): run `make test`, which builds it", tool, err)
		}
	}
	program := filepath.Join(t.TempDir(), "release")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// moduleDir is the module's folder.
func moduleDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// makeIn copies the source to a folder of that name and makes a release there.
func makeIn(t *testing.T, program, name string, s surroundings, whole bool) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), filepath.FromSlash(name))
	copySource(t, source)
	arguments := []string{"-c", "umask " + s.umask + ` && exec "$@"`, "sh", program, "--version", "9.8.7~rc1", "--tools", filepath.Join(moduleDir(t), ".tools")}
	if !whole {
		arguments = append(arguments, "--only", "linux/amd64")
	}
	cmd := exec.Command("sh", arguments...)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "TZ="+s.zone, "LC_ALL="+s.locale, "SOURCE_DATE_EPOCH=1700000000",
		"GOMODCACHE="+goEnv(t, "GOMODCACHE"), "GOCACHE="+goEnv(t, "GOCACHE"), "GOPATH="+goEnv(t, "GOPATH"), "HOME="+s.home)
	if s.cold {
		cmd.Env = append(cmd.Env, "GOCACHE="+t.TempDir())
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return filepath.Join(source, "dist")
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// copySource copies what git knows or would take, as it is now.
func copySource(t *testing.T, to string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = moduleDir(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("NOT TESTED: the source is in no git checkout, so what belongs to it is not known: %v", err)
	}
	for _, name := range strings.Split(strings.Trim(string(out), "\x00"), "\x00") {
		raw, err := os.ReadFile(filepath.Join(moduleDir(t), name))
		if err != nil {
			continue // deleted, or a link
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = fmt.Sprintf("%x", sha256.Sum256(raw))
	}
	return found
}

// inPackage looks at the deb of this release as Debian's own tools see it.
func inPackage(t *testing.T, dist string) {
	deb := filepath.Join(dist, "shelf-agent_9.8.7~rc1_amd64.deb")
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("NOT TESTED: there is no dpkg-deb here, so nobody has looked into the package")
	}
	root := t.TempDir()
	for _, arguments := range [][]string{{"-x", deb, root}, {"-e", deb, filepath.Join(root, "DEBIAN")}} {
		if out, err := exec.Command("dpkg-deb", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for name, mode := range map[string]fs.FileMode{
		"usr/bin/shelf-agent": 0o755, "lib/systemd/system/shelf-agent.service": 0o644, "usr/lib/sysusers.d/shelf-agent.conf": 0o644,
		"usr/lib/tmpfiles.d/shelf-agent.conf": 0o644, "etc/shelf-agent/config.toml": 0o644, "etc/shelf-agent": fs.ModeDir | 0o755,
		"usr/share/man/man1/shelf-agent-enroll.1.gz": 0o644, "usr/share/bash-completion/completions/shelf-agent": 0o644,
		"usr/share/zsh/vendor-completions/_shelf-agent": 0o644, "usr/share/fish/vendor_completions.d/shelf-agent.fish": 0o644,
	} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want %v", name, info, err, mode)
		}
	}
	conffiles, err := os.ReadFile(filepath.Join(root, "DEBIAN", "conffiles"))
	if err != nil || strings.TrimSpace(string(conffiles)) != "/etc/shelf-agent/config.toml" {
		t.Errorf("conffiles %q, %v", conffiles, err)
	}
	// shelf-agent.tmpfiles has a mode with a colon, which an older systemd does not read.
	if needs, err := exec.Command("dpkg-deb", "--field", deb, "Depends").CombinedOutput(); err != nil || !strings.Contains(string(needs), "systemd (>= 252)") {
		t.Errorf("it depends on %s, %v", needs, err)
	}
	out, err := exec.Command(filepath.Join(root, "usr/bin/shelf-agent"), "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "9.8.7~rc1") {
		t.Errorf("the program says %q, %v", out, err)
	}
	everyOverrideHasItsReason(t, filepath.Join(root, "usr/share/lintian/overrides/shelf-agent"))
	t.Run("lintian", func(t *testing.T) { lintianIsSilent(t, deb) })
}

func everyOverrideHasItsReason(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, lines := 0, strings.Split(string(raw), "\n"); i < len(lines); i++ {
		if strings.HasPrefix(lines[i], "shelf-agent:") && (i == 0 || lines[i-1] == "") {
			t.Errorf("no reason is given for the override %q", lines[i])
		}
	}
}

func lintianIsSilent(t *testing.T, deb string) {
	if _, err := exec.LookPath("lintian"); err != nil {
		t.Skip("NOT TESTED: there is no lintian here; install it with: sudo apt-get install lintian")
	}
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning,info", deb).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// billIsTrue compares the bill of materials with what Go itself says of the program.
func billIsTrue(t *testing.T, dist string) {
	raw, err := os.ReadFile(filepath.Join(dist, "shelf-agent_9.8.7~rc1_linux_amd64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		BOMFormat  string
		Components []struct{ Name, Version string }
		Metadata   struct{ Component struct{ Version string } }
	}
	if err := json.Unmarshal(raw, &bill); err != nil || bill.BOMFormat != "CycloneDX" || bill.Metadata.Component.Version != "9.8.7~rc1" {
		t.Fatalf("%+v, %v", bill, err)
	}
	var listed []string
	for _, c := range bill.Components {
		listed = append(listed, c.Name)
	}
	r := release{source: moduleDir(t), epoch: time.Now()}
	modules, err := r.linked(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, m := range modules {
		if !slices.Contains(listed, m.Path) {
			missing++ // it may be in the programs of other systems only
			t.Logf("%s is not in the program for linux/amd64", m.Path)
		}
	}
	if len(listed) < 15 || missing > 3 || !slices.Contains(listed, "go.etcd.io/bbolt") || !slices.Contains(listed, "std") {
		t.Errorf("the bill lists %d modules and lacks %d: %q", len(listed), missing, listed)
	}
}

func TestVersions(t *testing.T) {
	for version, ok := range map[string]bool{
		"1.4.0": true, "1.5.0~rc1": true, "0.0.0~20261125.091416": true, "2.0+shop1": true,
		"": false, "v1.4.0": false, "1.4.0-1": false, "1.4.0 beta": false, "1.4/0": false, "1.4.0_RC1": false,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// TestTargetsAreThoseOfTheMakefile: what is built in every run of the tests is what a release has.
func TestTargetsAreThoseOfTheMakefile(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(moduleDir(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`for target in (.*); do`).FindSubmatch(raw)
	if line == nil {
		t.Fatal("the Makefile builds for no list of targets any more")
	}
	var ours []string
	for _, target := range targets {
		ours = append(ours, target.os+"/"+target.arch)
	}
	if !slices.Equal(strings.Fields(string(line[1])), ours) {
		t.Errorf("make cross builds for %s, a release is for %v", line[1], ours)
	}
}

func TestMaintainerScriptsAreShell(t *testing.T) {
	for _, pattern := range []string{"../deb/p*", "../rpm/p*"} {
		scripts, err := filepath.Glob(pattern)
		if err != nil || len(scripts) != 3 {
			t.Fatalf("%s: %q, %v", pattern, scripts, err)
		}
		for _, script := range scripts {
			if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", script, err, out)
			}
		}
	}
}
