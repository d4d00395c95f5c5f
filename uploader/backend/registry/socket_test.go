package registry

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestOfficeOverTheSocket does the same with a registry and with its socket, and compares.
func TestOfficeOverTheSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "office") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	direct := New(openTest(t, filepath.Join(dir, "r.db")), slog.New(slog.DiscardHandler))
	if _, err := Dial(t.Context(), socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no server: %v", err)
	}

	// What a process that was killed left behind is replaced.
	for range 2 {
		if _, err := ListenOffice(socket); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := ListenOffice(socket)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	var log strings.Builder
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- ServeOffice(ctx, listener, direct, slog.New(slog.NewTextHandler(&log, nil))) }()
	client, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}

	made, err := client.Invite(t.Context(), left, DefaultValid, time.Time{})
	if err != nil || made.Rig != left || made.Code == "" || time.Until(made.Until) < DefaultValid-time.Minute {
		t.Fatalf("%+v, %v", made, err)
	}
	chain, rig, err := direct.Enrol(t.Context(), made.Code, []byte("key"), sign("a1"), time.Now())
	if err != nil || chain != "chain a1" || rig != left {
		t.Fatalf("%q, %v, %v", chain, rig, err)
	}
	if rig, err := client.RevokeCertificate(t.Context(), "a1", "copied", time.Time{}); err != nil || rig != left {
		t.Errorf("%v, %v", rig, err)
	}
	if err := client.RevokeRig(t.Context(), left, "stolen", false, time.Time{}); err != nil {
		t.Error(err)
	}
	if err := client.RevokeRig(t.Context(), Rig{"0815", "r"}, "", false, time.Time{}); !errors.Is(err, ErrUnknownRig) {
		t.Errorf("%v, want ErrUnknownRig", err)
	}
	if _, err := client.Invite(t.Context(), Rig{"Berlin", "r"}, DefaultValid, time.Time{}); err == nil || !strings.Contains(err.Error(), `"Berlin"`) {
		t.Errorf("%v", err)
	}
	ours, err1 := client.Rigs(t.Context())
	theirs, err2 := direct.Rigs(t.Context())
	if err := errors.Join(err1, err2); err != nil || !reflect.DeepEqual(ours, theirs) || len(ours) != 1 || ours[0].Revoked.Reason != "stolen" {
		t.Errorf("%+v and %+v, %v", ours, theirs, err)
	}

	client.Close()
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is still there")
	}
	for _, want := range []string{"rig invited", "rig revoked", "certificate revoked", "reason=stolen"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), made.Code) {
		t.Error("the log holds the code")
	}
}

func TestSocketThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenOffice(file); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("it was removed")
	}
	if _, err := ListenOffice("/tmp/" + strings.Repeat("x", 100)); err == nil || !strings.Contains(err.Error(), "letters") {
		t.Errorf("%v", err)
	}
}
