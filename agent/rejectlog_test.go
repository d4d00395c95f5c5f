package agent

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/frame"
)

// TestAFloodOfRejectedFilesIsNoFloodInTheLog: the first is said, then a count now and then, and once that it is over.
func TestAFloodOfRejectedFilesIsNoFloodInTheLog(t *testing.T) {
	var out bytes.Buffer
	l := newRejectLog(slog.New(slog.NewTextHandler(&out, nil)))
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	lines := func() (got []string) {
		for line := range strings.Lines(out.String()) {
			_, line, _ = strings.Cut(line, " msg=")
			got = append(got, strings.TrimSpace(line))
		}
		out.Reset()
		return got
	}
	reject := func(camera string, code frame.Code, n int) {
		for range n {
			now = now.Add(time.Second)
			l.rejected(&capture.File{Camera: camera, Name: "a.jpg"}, &frame.Rejection{Code: code, Detail: "why"}, now)
		}
	}
	for _, tt := range []struct {
		story string
		do    func()
		want  []string
	}{
		{"the first", func() { reject("cam-1", frame.CodeCorrupt, 1) },
			[]string{`"file rejected" camera=cam-1 file=a.jpg code=corrupt reason="The picture is damaged: it cannot be decoded as a whole." detail=why`}},
		{"a thousand more", func() { reject("cam-1", frame.CodeCorrupt, 1000) },
			[]string{`"more files rejected" camera=cam-1 files=600 code=corrupt newest=a.jpg detail=why`}},
		{"of another kind", func() { reject("cam-1", frame.CodeEmpty, 2) },
			[]string{`"file rejected" camera=cam-1 file=a.jpg code=empty reason="` + frame.CodeEmpty.Sentence() + `" detail=why`}},
		{"of another camera", func() { reject("cam-2", frame.CodeCorrupt, 2) },
			[]string{`"file rejected" camera=cam-2 file=a.jpg code=corrupt reason="The picture is damaged: it cannot be decoded as a whole." detail=why`}},
		{"a good one in between", func() { l.admitted("cam-1", now); reject("cam-1", frame.CodeEmpty, 1) }, nil},
		{"good ones for a while", func() {
			now = now.Add(rejectPause)
			l.admitted("cam-1", now)
			l.admitted("cam-1", now)
		}, []string{`"over: files rejected" camera=cam-1 code=corrupt files=1001`, `"over: files rejected" camera=cam-1 code=empty files=3`}},
		{"and another bad one", func() { reject("cam-1", frame.CodeEmpty, 1) },
			[]string{`"file rejected" camera=cam-1 file=a.jpg code=empty reason="` + frame.CodeEmpty.Sentence() + `" detail=why`}},
	} {
		tt.do()
		got := lines()
		if strings.Join(slices.Sorted(slices.Values(got)), "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", tt.story, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	now = now.Add(rejectPause)
	l.admitted("cam-1", now)
	l.admitted("cam-2", now)
	if len(l.runs) > 0 {
		t.Errorf("%s are remembered for ever", fmt.Sprint(l.runs))
	}
}
