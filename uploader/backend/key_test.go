package backend

import (
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

func TestKeyTemplate(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	id := ticket.Identity{Store: "4711", Rig: "left"}
	// 23:30 on the 21st in New York is the 22nd in UTC.
	at := time.Date(2026, 11, 21, 23, 30, 9, 7_999_999, time.FixedZone("EST", -5*3600))
	upload := ticket.Upload{Camera: "cam-3", CapturedAt: at, SHA256: digest, ContentType: "image/png"}
	tests := []struct {
		name, template string
		want           string // empty: refused
	}{
		{"the default", DefaultKeyTemplate, "raw/4711/2026-11-22/cam-3/043009.007-" + digest + ".png"},
		{"partitions", "raw/{store}/date={yyyy-mm-dd}/hour={HH}/{rig}-{sha256}", "raw/4711/date=2026-11-22/hour=04/left-" + digest},
		{"date in parts", "raw/{store}/{yyyy}/{mm}/{dd}/{sha256}.{ext}", "raw/4711/2026/11/22/" + digest + ".png"},
		{"shortest", "raw/{store}/{sha256}", "raw/4711/" + digest},
		{"one object for a day", "raw/{store}/{yyyy-mm-dd}/{camera}.{ext}", ""},
		{"the digest without an end", "raw/{store}/{camera}{sha256}", ""},
		{"ids that read like a digest", "raw/{store}/{camera}{rig}/{sha256}", ""},
		{"no store", "raw/{camera}/{sha256}", ""},
		{"store as a part of a segment", "raw/{store}x/{sha256}", ""},
		{"not under raw", "public/{store}/{sha256}", ""},
		{"leading slash", "/raw/{store}/{sha256}", ""},
		{"unknown placeholder", "raw/{store}/{name}/{sha256}", ""},
		{"placeholder misspelt", "raw/{store}/{SHA256}", ""},
		{"open brace", "raw/{store}/{sha256}{camera", ""},
		{"dot segment", "raw/{store}/../{sha256}", ""},
		{"empty segment", "raw/{store}//{sha256}", ""},
		{"trailing slash", "raw/{store}/{sha256}/", ""},
		{"space", "raw/{store}/a b/{sha256}", ""},
		{"percent", "raw/{store}/%2e/{sha256}", ""},
		{"umlaut", "raw/{store}/größe/{sha256}", ""},
		{"too long", "raw/{store}/{sha256}" + strings.Repeat("x", 1000), ""},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			template, err := ParseKeyTemplate(test.template)
			if (err != nil) != (test.want == "") {
				t.Fatalf("error %v, want a refusal: %v", err, test.want == "")
			}
			if err == nil {
				if got := template.Key(id, upload); got != test.want {
					t.Errorf("key %s, want %s", got, test.want)
				}
			}
		})
	}
}
