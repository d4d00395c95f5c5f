package registry

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// readOnly is a file whose disk is full.
type readOnly struct{ Table }

var errDiskFull = errors.New("no space left on device")

func (readOnly) Commit(context.Context, ...Record) error { return errDiskFull }

// A disk that is full keeps no rig out, and the log says so once; what has to be remembered fails.
func TestFullDiskKeepsNobodyOut(t *testing.T) {
	var log strings.Builder
	file := openTest(t, filepath.Join(t.TempDir(), "r.db"))
	enrolled := New(file, slog.New(slog.DiscardHandler))
	code := invite(t, enrolled, noon)
	r := New(readOnly{file}, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		if err := r.Admit(t.Context(), left, shown("f0"), noon); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(log.String(), "no space left"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
	if chain, _, err := r.Enrol(t.Context(), code, []byte("k"), sign("a1"), noon); !errors.Is(err, errDiskFull) || chain != "" {
		t.Errorf("enrolment that was not recorded: %q, %v", chain, err)
	}
	if err := r.RevokeRig(t.Context(), left, "", false, noon); !errors.Is(err, errDiskFull) {
		t.Errorf("revocation: %v", err)
	}
}

// An error of the table is never an answer.
func TestTableThatCannotBeAsked(t *testing.T) {
	r := New(deaf{}, slog.New(slog.DiscardHandler))
	if err := r.Admit(t.Context(), left, shown("f0"), noon); !errors.Is(err, errDeaf) || errors.Is(err, ErrRevoked) {
		t.Errorf("%v", err)
	}
	if err := r.Charge(t.Context(), left, []Frame{{Key: "k", Bytes: 1}}, Quota{Frames: 1}, noon); !errors.Is(err, errDeaf) {
		t.Errorf("%v", err)
	}
}

type deaf struct{ Table }

var errDeaf = errors.New("no answer")

func (deaf) Get(context.Context, ...Key) ([]Record, error) { return nil, errDeaf }
