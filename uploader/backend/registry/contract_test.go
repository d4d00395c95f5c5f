package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfagent/uploader/backend/mototest"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	left = Rig{Store: "4711", Rig: "left"}
)

func TestContractOnAFile(t *testing.T) {
	contract(t, func(t *testing.T) Table {
		return openTest(t, filepath.Join(t.TempDir(), "registry.db"))
	})
}

func TestContractOnDynamoDB(t *testing.T) {
	mototest.Start(t)
	n := 0
	contract(t, func(t *testing.T) Table {
		n++
		name := fmt.Sprint("registry-", n)
		if _, err := OpenDynamoDB(t.Context(), mototest.Region, name); err == nil {
			t.Error("a table that does not exist was opened")
		}
		mototest.Table(t, name)
		d, err := OpenDynamoDB(t.Context(), mototest.Region, name)
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

// contract is what every table, and the registry on it, owes.
func contract(t *testing.T, open func(*testing.T) Table) {
	t.Run("table", func(t *testing.T) { tableContract(t, open(t)) })
	for name, test := range map[string]func(*testing.T, *Registry){
		"an invitation makes one rig":                      oneRig,
		"twenty race for one code":                         race,
		"the answer was lost on the way":                   again,
		"invitations end":                                  invitationsEnd,
		"codes as people type them":                        typed,
		"a rig is revoked":                                 revokedRig,
		"an older invitation does not undo a revocation":   olderInvitation,
		"a certificate is revoked":                         revokedCertificate,
		"a certificate that the registry did not issue":    foreign,
		"renewal keeps both certificates":                  renewal,
		"a revocation comes while a renewal is on its way": renewalRace,
		"the day's quota":                                  quotas,
		"racing charges":                                   racingCharges,
		"the list":                                         list,
		"what cannot stand":                                bounds,
	} {
		t.Run(name, func(t *testing.T) { test(t, New(open(t), slog.New(slog.DiscardHandler))) })
	}
}

func tableContract(t *testing.T, table Table) {
	ctx := t.Context()
	a, b := Key{Part: "p", Name: "a"}, Key{Part: "p", Name: "b"}
	get := func() (Record, Record) {
		t.Helper()
		found, err := table.Get(ctx, a, Key{Part: "q", Name: "none"}, b)
		if err != nil || len(found) != 3 || found[1].Version != 0 || found[1].Value != nil {
			t.Fatalf("%+v, %v", found, err)
		}
		return found[0], found[2]
	}
	first, second := get()
	if first.Version != 0 || second.Version != 0 {
		t.Fatalf("something is there: %+v %+v", first, second)
	}
	first.Value, first.Ends, second.Value = []byte(`{"n":1}`), noon.Add(time.Hour), []byte(`{}`)
	if err := table.Commit(ctx, first, second); err != nil {
		t.Fatal(err)
	}
	// All or nothing: b is of an old version, so a stays as it is.
	got, _ := get()
	if string(got.Value) != `{"n":1}` || !got.Ends.Equal(noon.Add(time.Hour)) || got.Key != a {
		t.Errorf("got %+v", got)
	}
	changed := got
	changed.Value = []byte(`{"n":2}`)
	if err := table.Commit(ctx, changed, second); !errors.Is(err, ErrConflict) {
		t.Errorf("a stale version: %v, want ErrConflict", err)
	}
	if err := table.Commit(ctx, second); !errors.Is(err, ErrConflict) {
		t.Errorf("one stale version: %v, want ErrConflict", err)
	}
	if same, _ := get(); string(same.Value) != `{"n":1}` || same.Version != got.Version {
		t.Errorf("half of a refused commit was written: %+v", same)
	}
	changed.Ends = time.Time{}
	if err := table.Commit(ctx, changed); err != nil {
		t.Fatal(err)
	}
	part, err := table.Part(ctx, "p")
	if err != nil || len(part) != 2 || part[0].Name != "a" || part[1].Name != "b" || string(part[0].Value) != `{"n":2}` || !part[0].Ends.IsZero() {
		t.Errorf("part %+v, %v", part, err)
	}
}

// sign makes certificates that are only numbers.
func sign(serial string) Sign {
	return func(rig Rig) (Issued, error) {
		return Issued{Certificate: Certificate{Serial: serial, NotAfter: noon.Add(7 * 24 * time.Hour)}, Chain: "chain " + serial}, nil
	}
}

func shown(serial string) Certificate {
	return Certificate{Serial: serial, NotAfter: noon.Add(7 * 24 * time.Hour)}
}

func invite(t *testing.T, r *Registry, now time.Time) string {
	t.Helper()
	made, err := r.Invite(t.Context(), left, DefaultValid, now)
	if err != nil {
		t.Fatal(err)
	}
	return made.Code
}

func enrol(t *testing.T, r *Registry, code, serial string, now time.Time) {
	t.Helper()
	chain, rig, err := r.Enrol(t.Context(), code, []byte("key of "+serial), sign(serial), now)
	if err != nil || chain != "chain "+serial || rig != left {
		t.Fatalf("%q for %v: %v", chain, rig, err)
	}
}

// admitted says whether the certificate is good; any error but ErrRevoked fails the test.
func admitted(t *testing.T, r *Registry, serial string, now time.Time) bool {
	t.Helper()
	err := r.Admit(t.Context(), left, shown(serial), now)
	if err != nil && !errors.Is(err, ErrRevoked) {
		t.Fatal(err)
	}
	return err == nil
}

func oneRig(t *testing.T, r *Registry) {
	code := invite(t, r, noon)
	enrol(t, r, code, "a1", noon)
	if _, _, err := r.Enrol(t.Context(), code, []byte("another key"), sign("a2"), noon); !errors.Is(err, ErrInvitationUsed) {
		t.Errorf("the second rig: %v, want ErrInvitationUsed", err)
	}
	if !admitted(t, r, "a1", noon) {
		t.Error("the new rig is refused")
	}
}

func race(t *testing.T, r *Registry) {
	code := invite(t, r, noon)
	const rigs = 20
	var wg sync.WaitGroup
	start, errs := make(chan struct{}), make([]error, rigs)
	for i := range rigs {
		wg.Go(func() {
			<-start
			_, _, errs[i] = r.Enrol(t.Context(), code, fmt.Append(nil, "key ", i), sign(fmt.Sprintf("%x", 100+i)), noon)
		})
	}
	close(start)
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrInvitationUsed):
			t.Errorf("a loser got %v, want ErrInvitationUsed", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d got a certificate for one code", won, rigs)
	}
}

func again(t *testing.T, r *Registry) {
	code := invite(t, r, noon)
	enrol(t, r, code, "a1", noon)
	chain, _, err := r.Enrol(t.Context(), code, []byte("key of a1"), sign("a2"), noon.Add(time.Minute))
	if err != nil || chain != "chain a1" {
		t.Errorf("the same key again: %q, %v; want the same certificate", chain, err)
	}
	if err := r.RevokeRig(t.Context(), left, "", false, noon.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Enrol(t.Context(), code, []byte("key of a1"), sign("a3"), noon.Add(3*time.Minute)); !errors.Is(err, ErrInvitationRevoked) {
		t.Errorf("the same key after the revocation: %v, want ErrInvitationRevoked", err)
	}
}

func invitationsEnd(t *testing.T, r *Registry) {
	code := invite(t, r, noon)
	signs := 0
	count := func(rig Rig) (Issued, error) { signs++; return sign("a1")(rig) }
	for when, want := range map[time.Duration]error{DefaultValid: ErrInvitationEnded, 48 * time.Hour: ErrInvitationUnknown} {
		if _, _, err := r.Enrol(t.Context(), code, []byte("k"), count, noon.Add(when)); !errors.Is(err, want) {
			t.Errorf("after %s: %v, want %v", when, err, want)
		}
	}
	if _, _, err := r.Enrol(t.Context(), "0000-0000-0000-0000", []byte("k"), count, noon); !errors.Is(err, ErrInvitationUnknown) {
		t.Errorf("a guess: %v, want ErrInvitationUnknown", err)
	}
	// A signer that fails leaves the invitation as it was.
	broken := errors.New("no signer")
	if _, _, err := r.Enrol(t.Context(), code, []byte("k"), func(Rig) (Issued, error) { return Issued{}, broken }, noon); !errors.Is(err, broken) {
		t.Errorf("%v, want the signer's", err)
	}
	if signs != 0 {
		t.Errorf("something was signed %d times for invitations that are not good", signs)
	}
	enrol(t, r, code, "a1", noon.Add(DefaultValid-time.Second))
}

func typed(t *testing.T, r *Registry) {
	for _, spoil := range []func(string) string{
		func(c string) string { return "  " + c + " " },
		func(c string) string { return strings.ToLower(c) },
		func(c string) string { return c[:4] + c[5:] },
	} {
		enrol(t, r, spoil(invite(t, r, noon)), "a1"+fmt.Sprint(time.Now().UnixNano()), noon)
	}
}

func revokedRig(t *testing.T, r *Registry) {
	ctx := t.Context()
	if err := r.RevokeRig(ctx, left, "typo", false, noon); !errors.Is(err, ErrUnknownRig) {
		t.Errorf("a rig that nobody knows: %v, want ErrUnknownRig", err)
	}
	enrol(t, r, invite(t, r, noon), "a1", noon)
	if err := r.RevokeRig(ctx, left, "stolen", false, noon); err != nil {
		t.Fatal(err)
	}
	for _, serial := range []string{"a1", "f0"} {
		if admitted(t, r, serial, noon) {
			t.Errorf("certificate %s of a revoked rig is good", serial)
		}
	}
	if _, err := r.Renew(ctx, left, shown("a1"), sign("a2"), noon); !errors.Is(err, ErrRevoked) {
		t.Errorf("renewal: %v, want ErrRevoked", err)
	}
	if err := r.Admit(ctx, Rig{Store: "4711", Rig: "right"}, shown("b1"), noon); err != nil {
		t.Errorf("another rig pays for it: %v", err)
	}
	enrol(t, r, invite(t, r, noon), "a3", noon)
	if admitted(t, r, "a1", noon) || !admitted(t, r, "a3", noon) {
		t.Error("after the new invitation the old certificate is good, or the new one is not")
	}
}

func olderInvitation(t *testing.T, r *Registry) {
	code := invite(t, r, noon)
	if err := r.RevokeRig(t.Context(), left, "", false, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Enrol(t.Context(), code, []byte("k"), sign("a1"), noon); !errors.Is(err, ErrInvitationRevoked) {
		t.Errorf("%v, want ErrInvitationRevoked", err)
	}
}

func revokedCertificate(t *testing.T, r *Registry) {
	ctx := t.Context()
	enrol(t, r, invite(t, r, noon), "a1", noon)
	if _, err := r.Renew(ctx, left, shown("a1"), sign("a2"), noon); err != nil {
		t.Fatal(err)
	}
	if rig, err := r.RevokeCertificate(ctx, "A1", "key was copied", noon); err != nil || rig != left {
		t.Fatalf("%v, %v", rig, err)
	}
	if admitted(t, r, "a1", noon) || !admitted(t, r, "a2", noon) {
		t.Error("the revoked certificate is good, or the other one is not")
	}
	if err := r.Admit(ctx, left, shown("a1"), noon); err == nil || !strings.Contains(err.Error(), "key was copied") {
		t.Errorf("the reason is not told: %v", err)
	}
}

func foreign(t *testing.T, r *Registry) {
	ctx := t.Context()
	if !admitted(t, r, "f0", noon) {
		t.Error("a verified certificate of before the registry is refused")
	}
	if rig, err := r.RevokeCertificate(ctx, "00:F0", "", noon); err != nil || rig != (Rig{}) {
		t.Fatalf("%v, %v", rig, err)
	}
	if admitted(t, r, "f0", noon.Add(1000*time.Hour)) {
		t.Error("its revocation ended by itself")
	}
	// The same number from another authority, for another rig, is another certificate.
	enrol(t, r, invite(t, r, noon), "a1", noon)
	other := Rig{Store: "0815", Rig: "left"}
	if err := r.Admit(ctx, other, shown("a1"), noon); err != nil {
		t.Error(err)
	}
	if err := r.RevokeRig(ctx, other, "", false, noon); err != nil { // it was seen
		t.Fatal(err)
	}
	if err := r.Admit(ctx, other, shown("a1"), noon); !errors.Is(err, ErrRevoked) {
		t.Errorf("%v, want ErrRevoked", err)
	}
}

func renewal(t *testing.T, r *Registry) {
	enrol(t, r, invite(t, r, noon), "a1", noon)
	chain, err := r.Renew(t.Context(), left, shown("a1"), sign("a2"), noon)
	if err != nil || chain != "chain a2" {
		t.Fatalf("%q, %v", chain, err)
	}
	if !admitted(t, r, "a1", noon) || !admitted(t, r, "a2", noon) {
		t.Error("one of the two is refused")
	}
}

func renewalRace(t *testing.T, r *Registry) {
	ctx := t.Context()
	enrol(t, r, invite(t, r, noon), "a1", noon)
	slow := func(rig Rig) (Issued, error) {
		if err := r.RevokeRig(ctx, left, "stolen", false, noon); err != nil {
			t.Error(err)
		}
		return sign("a2")(rig)
	}
	if chain, err := r.Renew(ctx, left, shown("a1"), slow, noon); !errors.Is(err, ErrRevoked) || chain != "" {
		t.Errorf("%q, %v; want ErrRevoked", chain, err)
	}
	if admitted(t, r, "a2", noon) {
		t.Error("what was signed meanwhile is good")
	}
}

func quotas(t *testing.T, r *Registry) {
	ctx, quota := t.Context(), Quota{Frames: 100, Bytes: 1000}
	some := func(from, to int) (frames []Frame) {
		for i := from; i < to; i++ {
			frames = append(frames, Frame{Key: fmt.Sprint("raw/4711/", i), Bytes: 10})
		}
		return frames
	}
	step := func(what string, want error, frames []Frame, rig Rig, quota Quota, now time.Time) {
		t.Helper()
		if err := r.Charge(ctx, rig, frames, quota, now); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	step("a full request", nil, some(0, 64), left, quota, noon)
	for range 3 {
		step("tried again", nil, some(0, 64), left, quota, noon)
	}
	step("too many", ErrQuota, some(60, 101), left, quota, noon)
	step("as many as fit, half of them again", nil, some(60, 100), left, quota, noon)
	step("one more", ErrQuota, some(100, 101), left, quota, noon)
	step("one that has been charged", nil, some(99, 100), left, quota, noon)
	step("another rig", nil, some(0, 1), Rig{Store: "4711", Rig: "right"}, quota, noon)
	step("the next day", nil, some(100, 101), left, quota, noon.Add(12*time.Hour))
	step("bytes", ErrQuota, []Frame{{Key: "raw/big", Bytes: 991}}, left, quota, noon.Add(12*time.Hour))
	step("a large one for the price of a small one", ErrQuota, []Frame{{Key: "raw/4711/100", Bytes: 991}}, left, quota, noon.Add(12*time.Hour))
	step("no limit for bytes", nil, []Frame{{Key: "raw/big", Bytes: 991}}, left, Quota{Frames: 100}, noon.Add(12*time.Hour))
	step("nothing", nil, nil, left, quota, noon)
}

func racingCharges(t *testing.T, r *Registry) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	fit := 0
	for i := range 8 {
		wg.Go(func() {
			err := r.Charge(t.Context(), left, []Frame{{Key: fmt.Sprint(i), Bytes: 1}}, Quota{Frames: 5}, noon)
			if err != nil && !errors.Is(err, ErrQuota) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				fit++
			}
		})
	}
	wg.Wait()
	if fit != 5 {
		t.Errorf("%d frames fit into a quota of 5", fit)
	}
}

func list(t *testing.T, r *Registry) {
	ctx := t.Context()
	if found, err := r.Rigs(ctx); err != nil || len(found) != 0 {
		t.Fatalf("%v, %v", found, err)
	}
	for i := range 12 {
		if err := r.Admit(ctx, Rig{Store: fmt.Sprintf("s%02d", i), Rig: "r"}, shown("f0"), noon); err != nil {
			t.Fatal(err)
		}
	}
	invite(t, r, noon)
	entry := func() Entry {
		t.Helper()
		found, err := r.Rigs(ctx)
		if err != nil || len(found) != 13 || found[0].Rig != left || found[12].Store != "s11" {
			t.Fatalf("%d rigs, %v", len(found), err)
		}
		return found[0]
	}
	if e := entry(); !e.InvitedUntil.Equal(noon.Add(DefaultValid)) || e.Certificate != nil {
		t.Errorf("invited: %+v", e)
	}
	enrol(t, r, invite(t, r, noon), "a1", noon)
	if e := entry(); !e.InvitedUntil.IsZero() || e.Certificate.Serial != "a1" || !e.Seen.IsZero() {
		t.Errorf("enrolled: %+v", e)
	}
	for _, after := range []time.Duration{time.Minute, 2 * time.Minute, 7 * time.Minute} {
		admitted(t, r, "a1", noon.Add(after))
		want := time.Minute // written at most every five minutes
		if after == 7*time.Minute {
			want = after
		}
		if e := entry(); !e.Seen.Equal(noon.Add(want)) {
			t.Errorf("seen at %s after %s", e.Seen, after)
		}
	}
	if err := r.RevokeRig(ctx, left, "stolen", false, noon); err != nil {
		t.Fatal(err)
	}
	if e := entry(); e.Revoked == nil || e.Revoked.Reason != "stolen" {
		t.Errorf("revoked: %+v", e)
	}
}

func bounds(t *testing.T, r *Registry) {
	ctx := t.Context()
	long := string(make([]byte, MaxReason+1))
	for name, err := range map[string]error{
		"store": second(r.Invite(ctx, Rig{Store: "Berlin", Rig: "r"}, DefaultValid, noon)),
		"short": second(r.Invite(ctx, left, time.Second, noon)), "long": second(r.Invite(ctx, left, MaxValid+1, noon)),
		"reason":  r.RevokeRig(ctx, left, long, true, noon),
		"control": r.RevokeRig(ctx, left, "a\nb", true, noon),
		"serial":  second(r.RevokeCertificate(ctx, "not hex", "", noon)),
		"zero":    second(r.RevokeCertificate(ctx, "0", "", noon)),
		"rig":     r.RevokeRig(ctx, Rig{Store: "s", Rig: "../r"}, "", true, noon),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, code := range []string{"", "ABCD", "0000-0000-0000-000U", "0000-0000-0000-00000", string(make([]byte, 1000))} {
		if _, _, err := r.Enrol(ctx, code, []byte("k"), sign("a1"), noon); !errors.Is(err, ErrCode) {
			t.Errorf("code %.20q: %v, want ErrCode", code, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
