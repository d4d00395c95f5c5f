package uploader

import (
	"testing"

	"shelfagent/queue"
)

// TestWhatSeveralFramesShareIsNotTheirFault: a proxy before the backend, or a mistake in a bucket policy, must not park a
// backlog.
func TestWhatSeveralFramesShareIsNotTheirFault(t *testing.T) {
	for _, tc := range []struct {
		story string
		tries int
		seen  Seen
		link  Link
		cause Cause
	}{
		{"S3 refuses them", 1, Seen{Status: 403, Code: "AccessDenied"}, Bad, CauseS3Denied},
		{"S3 answers what nobody knows", 1, Seen{Status: 418}, Bad, CauseUnknown},
		{"the backend cannot read what it is asked", 9, Seen{Asked: true, Status: 400, Code: "upload"}, Bad, CauseBackendFault},
		{"a proxy finds fault with every request", 1, Seen{Asked: true, Status: 400}, Bad, CauseBackendFault},
		{"a policy of somebody on the way", 1, Seen{Asked: true, Status: 422, Code: "waf"}, Bad, CauseBackendFault},
		{"the policy refuses each of them", 1, Seen{Asked: true, Refused: true, Status: 422, Code: "too_large"}, Silent, CauseFrameRefused},
		{"the disk gives none of them", 1, Seen{Err: errPayloadUnreadable}, Bad, CauseQueue},
		{"an S3 that does not say what it holds, before it is asked again", 1, Seen{Status: 200}, Good, CauseUnproven},
		{"a portal that answers 200 to whatever is sent", 2, Seen{Status: 200}, Bad, CauseUnknown},
		{"races on the key, once each", 1, Seen{Status: 409}, Good, CauseConflict},
		{"races that never end", 2, Seen{Status: 409}, Bad, CauseUnknown},
		{"something on the way changes what is sent", 2, Seen{Status: 400, Code: "BadDigest"}, Bad, CauseUnknown},
	} {
		u := &Uploader{strays: map[queue.ID]bool{}, unread: map[queue.ID]bool{}}
		var last Verdict
		for _, id := range []queue.ID{"cam-1/a", "cam-1/b", "cam-1/c", "cam-1/d"} {
			last = u.weigh(queue.Item{ID: id, Attempts: tc.tries}, tc.seen, Judge(tc.seen))
		}
		if last.Link != tc.link || last.Charged != (tc.link != Bad && last.Do == Defer) || last.Cause != tc.cause || last.Do == Bury && tc.link == Bad {
			t.Errorf("%s: the fourth frame's verdict is %+v", tc.story, last)
		}
	}
}
