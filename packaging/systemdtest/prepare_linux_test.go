package systemdtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The Debian, and what a rig's has beside the smallest: a way to log in as somebody else, and to set an address.
const (
	suite    = "bookworm"
	includes = "systemd,systemd-sysv,dbus,ca-certificates,iproute2,sudo,tzdata"
)

// versions of the package that are made.
var versions = []string{"1.0.0", "1.1.0"}

// prepare makes what the inside needs, or says what is missing.
func prepare(t *testing.T) kit {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: booting a Debian needs root")
	}
	for program, from := range map[string]string{
		"debootstrap": "debootstrap", "ip": "iproute2", "nsenter": "util-linux", "mkfs.ext4": "e2fsprogs", "dpkg-deb": "dpkg", "cp": "coreutils",
	} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: there is no %s here; install it with: sudo apt-get install %s", program, from)
		}
	}
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(module, ".cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	k := kit{Group: fmt.Sprintf("shelf-systemdtest-%d", os.Getpid())}
	debian := debianIn(t, cache)
	k.Nspawn, k.Libs = nspawnIn(t, cache)
	dir, err := os.MkdirTemp("", "shelf-systemdtest-") // no t.TempDir: a Debian may hold what that cannot delete
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, "rm", "-rf", dir) })
	k.Debs = debsIn(t, module, dir)
	k.Backend = filepath.Join(dir, "shelf-backend")
	build := exec.Command("go", "build", "-trimpath", "-o", k.Backend, "./cmd/shelf-backend")
	build.Dir, build.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	k.Root = filepath.Join(dir, "rig")
	must(t, "cp", "-a", "--reflink=auto", debian, k.Root)
	return k
}

// debianIn returns a Debian that is only ever copied.
func debianIn(t *testing.T, cache string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(suite + includes))
	dir := filepath.Join(cache, fmt.Sprintf("%s-%x", suite, digest[:4]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	say("making a Debian with debootstrap (once, a minute or two) …")
	began := time.Now()
	half := dir + ".half"
	must(t, "rm", "-rf", half)
	out, err := exec.Command("debootstrap", "--variant=minbase", "--include="+includes, suite, half).CombinedOutput()
	if err != nil {
		must(t, "rm", "-rf", half)
		t.Skipf("SKIPPED: debootstrap makes no Debian here; is there a mirror? %v\n%s", err, out[max(0, len(out)-1500):])
	}
	if err := os.Rename(half, dir); err != nil {
		t.Fatal(err)
	}
	say("made in %s", time.Since(began).Round(time.Second))
	return dir
}

// nspawnIn returns systemd-nspawn and its libraries. Debian's package is unpacked: to install it would upgrade systemd.
func nspawnIn(t *testing.T, cache string) (program, libs string) {
	t.Helper()
	if program, err := exec.LookPath("systemd-nspawn"); err == nil {
		return program, ""
	}
	dir := filepath.Join(cache, "systemd-container")
	program, libs = filepath.Join(dir, "usr/bin/systemd-nspawn"), filepath.Join(dir, "usr/lib/systemd")
	if _, err := os.Stat(program); err == nil {
		return program, libs
	}
	half := dir + ".half"
	must(t, "rm", "-rf", half)
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	download := exec.Command("apt-get", "download", "-qq", "systemd-container", "libsystemd-shared")
	download.Dir = half
	if out, err := download.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: there is no systemd-nspawn, and apt does not get it: %v\n%s", err, out)
	}
	debs, err := filepath.Glob(filepath.Join(half, "*.deb"))
	if err != nil || len(debs) != 2 {
		t.Fatalf("%q, %v", debs, err)
	}
	for _, deb := range debs {
		must(t, "dpkg-deb", "-x", deb, half)
	}
	if err := os.Rename(half, dir); err != nil {
		t.Fatal(err)
	}
	return program, libs
}

// debsIn makes the agent's packages as a release does.
func debsIn(t *testing.T, module, dir string) []string {
	t.Helper()
	var debs []string
	for _, version := range versions {
		dist := filepath.Join(dir, "dist-"+version)
		cmd := exec.Command("go", "run", "./packaging/release", "--only", "linux/"+runtime.GOARCH, "--version", version, "--dist", dist)
		cmd.Dir = module
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		found, err := filepath.Glob(filepath.Join(dist, "*.deb"))
		if err != nil || len(found) != 1 || !strings.Contains(found[0], version) {
			t.Fatalf("%q, %v", found, err)
		}
		debs = append(debs, found[0])
	}
	otherReference(t, debs[1])
	return debs
}

// otherReference changes the reference configuration in a package, as most releases do: on every rig that file has been
// edited, so this is what dpkg asks people about.
func otherReference(t *testing.T, deb string) {
	t.Helper()
	dir := deb + ".d"
	must(t, "dpkg-deb", "--raw-extract", deb, dir)
	config := filepath.Join(dir, "etc/shelf-agent/config.toml")
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(raw, "\n# This release has a line more.\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, "dpkg-deb", "--build", "--root-owner-group", "-Zgzip", dir, deb)
	must(t, "rm", "-r", dir)
}
