package uploader

import (
	"testing"

	"shelfagent/queue"
)

// TestWhatSeveralFramesShareIsNotTheirFault: but what the backend cannot read of each of them, asked for alone, is; or three
// odd frames would keep the breaker open for ever and never be parked.
func TestWhatSeveralFramesShareIsNotTheirFault(t *testing.T) {
	for _, tc := range []struct {
		story string
		seen  Seen
		link  Link
	}{
		{"S3 refuses them", Seen{Status: 403, Code: "AccessDenied"}, Bad},
		{"S3 answers what nobody knows", Seen{Status: 418}, Bad},
		{"the backend cannot read what it is asked", Seen{Asked: true, Status: 400, Code: "upload"}, Silent},
	} {
		u := &Uploader{strays: map[queue.ID]bool{}}
		var last Verdict
		for _, id := range []queue.ID{"cam-1/a", "cam-1/b", "cam-1/c", "cam-1/d"} {
			last = u.weigh(id, tc.seen, Judge(tc.seen))
		}
		if last.Link != tc.link || last.Charged != (tc.link == Silent) {
			t.Errorf("%s: the fourth frame's verdict is %+v", tc.story, last)
		}
	}
}
