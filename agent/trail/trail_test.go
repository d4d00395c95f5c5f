package trail

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}()

// TestAQueryIsReadAsPeopleMeanIt: the shop is in Berlin, and it is 13:00 there.
func TestAQueryIsReadAsPeopleMeanIt(t *testing.T) {
	now := time.Date(2026, 11, 22, 13, 0, 0, 0, berlin)
	local := func(text string) time.Time {
		at, err := time.ParseInLocation(time.DateTime, text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tc := range []struct {
		story, at, within string
		since, until      string
	}{
		{"earlier today", "12:05", "", "2026-11-22 11:55:00", "2026-11-22 12:15:00"},
		{"to the second", "12:05:30", "30s", "2026-11-22 12:05:00", "2026-11-22 12:06:00"},
		{"a time that has not been today", "14:05", "", "2026-11-21 13:55:00", "2026-11-21 14:15:00"},
		{"a time that is about to be", "13:05", "", "2026-11-22 12:55:00", "2026-11-22 13:15:00"},
		{"a day and a time", "2026-11-20 14:05", "1h", "2026-11-20 13:05:00", "2026-11-20 15:05:00"},
		{"as browsers send it", "2026-11-20T14:05", "", "2026-11-20 13:55:00", "2026-11-20 14:15:00"},
		{"a whole day", "2026-11-20", "", "2026-11-20 00:00:00", "2026-11-21 00:00:00"},
		{"a day of 25 hours", "2026-10-25", "", "2026-10-25 00:00:00", "2026-10-26 00:00:00"},
		{"RFC 3339 knows its zone", "2026-11-20T14:05:00Z", "", "2026-11-20 14:55:00", "2026-11-20 15:15:00"},
		{"blanks around it", " 12:05 ", " 10m ", "2026-11-22 11:55:00", "2026-11-22 12:15:00"},
	} {
		q, err := Form{At: tc.at, Within: tc.within}.Query(now, berlin)
		if err != nil || !q.Since.Equal(local(tc.since)) || !q.Until.Equal(local(tc.until)) || q.Since.Location() != time.UTC {
			t.Errorf("%s: %s to %s, %v; want %s to %s", tc.story, q.Since.In(berlin), q.Until.In(berlin), err, tc.since, tc.until)
		}
	}
}

// TestATimeThatWasThereTwiceMeansBoth: on 25 October 2026 clocks in Berlin went from 3:00 back to 2:00.
func TestATimeThatWasThereTwiceMeansBoth(t *testing.T) {
	q, err := Form{At: "2026-10-25 02:30", Within: "1m"}.Query(time.Now(), berlin)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-10-25T00:28:00Z": false, "2026-10-25T00:30:00Z": true, "2026-10-25T01:30:00Z": true, "2026-10-25T01:32:00Z": false,
	} {
		moment, _ := time.Parse(time.RFC3339, at)
		if q.Holds(moment) != want {
			t.Errorf("%s: %v, want %v (%+v)", at, !want, want, q)
		}
	}
}

func TestWhatIsNoQueryIsExplained(t *testing.T) {
	for _, tc := range []struct {
		form        Form
		field, says string
	}{
		{Form{}, "", "say when the picture was taken"},
		{Form{Camera: "cam-1"}, "", "say when the picture was taken"},
		{Form{At: "25:00"}, "at", `"25:00" is no time; write it as in 14:05`},
		{Form{At: "yesterday"}, "at", "is no time"},
		{Form{At: "14:05", Within: "soon"}, "within", `"soon" is no time span; write it as in 10m`},
		{Form{At: "14:05", Within: "-10m"}, "within", "is not between"},
		{Form{At: "14:05", Within: "1000h"}, "within", "is not between 1s and 744h"},
		{Form{File: "a.jpg", Within: "5m"}, "within", "it goes with a time"},
		{Form{Digest: "abc"}, "digest", "is no SHA-256"},
		{Form{Digest: strings.Repeat("a", 65)}, "digest", "is no SHA-256"},
		{Form{Digest: "raw/4711/key.jpg"}, "digest", `"raw/4711/key.jpg" is no SHA-256`},
	} {
		_, err := tc.form.Query(time.Now(), berlin)
		var wrong *FieldError
		if !errors.As(err, &wrong) || wrong.Field != tc.field || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%+v: %v", tc.form, err)
		}
	}
	q, err := Form{Camera: " CAM-1 ", File: "a.jpg", Digest: "ABCD"}.Query(time.Now(), berlin)
	if err != nil || q.Camera != "cam-1" || q.Digest != "abcd" || !q.Holds(time.Now()) {
		t.Errorf("%+v, %v", q, err)
	}
	sum := strings.Repeat("3fA9", 16)
	if q, err := (Form{Digest: "raw/4711/2026-11-22/cam-1/011803.000-" + sum + ".jpg"}).Query(time.Now(), berlin); err != nil || q.Digest != strings.ToLower(sum) {
		t.Errorf("a key: %+v, %v", q, err)
	}
	if !q.Names("cam-1/a.jpg") || !q.Names("a.jpg") || q.Names("data.jpg") || q.Names("a.jpg/b") || !(Query{}).Names("any") {
		t.Error("names are not compared from the end")
	}
}

func TestASummarySaysWhereWasLooked(t *testing.T) {
	since := time.Date(2026, 11, 19, 7, 2, 0, 0, time.UTC)
	nothing := Answer{
		Query:    Query{Since: since.Add(time.Hour), Until: since.Add(2 * time.Hour)},
		Searched: Searched{Queue: true, Rejected: true, Capture: true, ReceiptsSince: since},
	}
	got := strings.Join(Summary(nothing, berlin), "\n")
	want := `No such picture was found.
Searched the queue and its receipts, which go back to 2026-11-19 08:02:00: one that left before is not known here any more; look for it in the bucket.
Searched the rejected folder and the capture folder.
Looked for pictures from 2026-11-19 09:02:00 to 2026-11-19 10:02:00.
Times are those of Europe/Berlin (CET, +01:00).`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	nothing.Searched.ReceiptsSince, nothing.Searched.Capture = time.Time{}, false
	nothing.Searched.Problems = []string{"The capture folder cannot be read: permission denied."}
	got = strings.Join(Summary(nothing, time.UTC), "\n")
	for _, says := range []string{"which nothing has left yet", "Searched the rejected folder.", "cannot be read", "Times are those of UTC."} {
		if !strings.Contains(got, says) {
			t.Errorf("it does not say %q:\n%s", says, got)
		}
	}
	many := Answer{Trails: make([]Trail, 3), More: true}
	if got := strings.Join(Summary(many, time.Local), "\n"); !strings.Contains(got, "These are 3 of more") || !strings.Contains(got, "this machine (") {
		t.Error(got)
	}
}

func TestEveryStateHasAWord(t *testing.T) {
	for _, s := range []State{InFolder, Rejected, HeldBack, Waiting, Deferred, Leased, Parked, Delivered, Dropped} {
		if word := s.Word(); word == "" || strings.Contains(word, "_") {
			t.Errorf("%s: %q", s, word)
		}
	}
	if State("of tomorrow").Word() != "of tomorrow" {
		t.Error("a state that is not known here is not shown")
	}
}
