package ticket

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReadResponse(t *testing.T) {
	asked := []Upload{{Frame: "a"}, {Frame: "b"}}
	for _, tc := range []struct {
		story string
		body  string
		want  string // the answered frames, or "refused"
	}{
		{"a ticket and a refusal", `{"tickets":[{"frame":"a"}],"refusals":[{"frame":"b"}]}`, "ab"},
		{"a frame passed over", `{"tickets":[{"frame":"b"}]}`, "b"},
		{"a member of a later version", `{"tickets":[],"hint":1}`, ""},
		{"a frame that was not asked for", `{"tickets":[{"frame":"c"}]}`, "refused"},
		{"two tickets for one frame", `{"tickets":[{"frame":"a"},{"frame":"a"}]}`, "refused"},
		{"a ticket and a refusal for one frame", `{"tickets":[{"frame":"a"}],"refusals":[{"frame":"a"}]}`, "refused"},
		{"a login page", `<html>`, "refused"},
		{"nothing", ``, "refused"},
		{"an answer without an end", `{"tickets":[` + strings.Repeat(" ", MaxResponseBytes), "refused"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			answers, err := ReadResponse(strings.NewReader(tc.body), asked)
			got := ""
			for _, frame := range []string{"a", "b", "c"} {
				if _, ok := answers[frame]; ok {
					got += frame
				}
			}
			if errors.Is(err, ErrResponse) {
				got = "refused"
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got %q, want %q (%v)", got, tc.want, err)
			}
		})
	}
}

// FuzzReadResponse: whatever a backend answers, what is taken of it was asked for, and is a ticket or a refusal for the
// frame that it stands under.
func FuzzReadResponse(f *testing.F) {
	for _, seed := range []string{
		`{"tickets":[{"frame":"a"}],"refusals":[{"frame":"b","code":"too_large","message":"no"}]}`,
		`{"tickets":[{"frame":"a"},{"frame":"a"}]}`, `{"tickets":[{"frame":"c"}]}`, `{"tickets":null,"refusals":[null]}`,
		`{"Tickets":[{"FRAME":"a"}]}`, `{"tickets":[{"frame":"a","frame":"b","headers":{"a":"b"},"expires_at":"2026-11-22T01:18:03Z"}]}`,
		`[]`, `null`, `<html>`, ``, `{"tickets":[]} {"tickets":[]}`,
	} {
		f.Add([]byte(seed))
	}
	asked := []Upload{{Frame: "a"}, {Frame: "b"}, {Frame: frameID}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		answers, err := ReadResponse(bytes.NewReader(raw), asked)
		if err != nil {
			if !errors.Is(err, ErrResponse) || answers != nil {
				t.Fatalf("%v with %d answers", err, len(answers))
			}
			return
		}
		if len(answers) > len(asked) {
			t.Fatalf("%d answers to %d questions", len(answers), len(asked))
		}
		for frame, answer := range answers {
			if !slices.ContainsFunc(asked, func(u Upload) bool { return u.Frame == frame }) {
				t.Errorf("frame %q was not asked for", frame)
			}
			forIt := answer.Ticket != nil && answer.Ticket.Frame == frame || answer.Refusal != nil && answer.Refusal.Frame == frame
			if !forIt || (answer.Ticket == nil) == (answer.Refusal == nil) {
				t.Errorf("frame %q: %+v", frame, answer)
			}
		}
	})
}

func TestDigestsAsHeaders(t *testing.T) {
	// RFC 1864 and the digests of "test".
	if got := ContentMD5("098f6bcd4621d373cade4e832627b4f6"); got != "CY9rzUYh03PK3k6DJie09g==" {
		t.Errorf("ContentMD5 = %q", got)
	}
	if got := ChecksumSHA256("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"); got != "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" {
		t.Errorf("ChecksumSHA256 = %q", got)
	}
	for _, bad := range []string{"", "zz", "00", strings.Repeat("0", 62)} {
		if ContentMD5(bad) != "" || ChecksumSHA256(bad) != "" {
			t.Errorf("%q made a header", bad)
		}
	}
}

// The wire names are a contract with backends that others write.
func TestWireNames(t *testing.T) {
	raw, err := json.Marshal(Request{Uploads: []Upload{goodUpload()}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"uploads":[{"frame":"` + frameID + `","camera":"cam-3","captured_at":"2026-11-22T01:18:03.123Z",` +
		`"bytes":482113,"content_type":"image/jpeg","sha256":"` + digest + `","md5":"098f6bcd4621d373cade4e832627b4f6"}]}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
}
