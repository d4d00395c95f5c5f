package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestEveryObjectIsJudged: each flaw alone makes a good frame a bad one, and none is an error.
func TestEveryObjectIsJudged(t *testing.T) {
	s := newSite(t)
	good := onRig(t, "camera.jpg")
	changed := slices.Clone(good)
	changed[len(changed)/2] ^= 0xff
	for _, story := range []struct {
		name   string
		make   func() upload
		reason Reason
	}{
		{"a frame", func() upload { return ticketed4711(good) }, ""},
		{"another format", func() upload { u := ticketed4711(onRig(t, "rose.png")); u.contentType = "image/png"; return u }, ""},
		{"it ends too early", func() upload { return ticketed4711(good[:len(good)/2]) }, "truncated"},
		{"no picture", func() upload { return ticketed4711([]byte("MZ, a program")) }, "unknown_format"},
		{"no content", func() upload { return ticketed4711(nil) }, Empty},
		{"other bytes than its key says", func() upload { u := ticketed4711(changed); u.key = keyOf([]byte("x")); return u }, DigestMismatch},
		{"two digests in its key", func() upload {
			u := ticketed4711(good)
			u.key += "-" + strings.Repeat("0", 64)
			return u
		}, DigestMismatch},
		{"no digest in its key", func() upload { u := ticketed4711(good); u.key = "raw/4711/today.jpg"; return u }, NoDigest},
		{"outside raw/", func() upload { u := ticketed4711(good); u.key = "export/" + u.key; return u }, ForeignKey},
		{"without a store", func() upload { u := ticketed4711(good); u.key = "raw/" + strings.Repeat("0", 64); return u }, ForeignKey},
		{"without a checksum", func() upload { u := ticketed4711(onRig(t, "portrait.jpg")); u.noChecksum = true; return u }, NoChecksum},
		{"with another KMS key", func() upload { u := ticketed4711(onRig(t, "orientation-3.jpg")); u.kmsKey = otherKey; return u }, WrongKMSKey},
		{"with S3's own key", func() upload { u := ticketed4711(onRig(t, "orientation-6.jpg")); u.kmsKey = ""; return u }, NotEncrypted},
		{"one byte too many", func() upload { return ticketed4711(make([]byte, testLimit+1)) }, TooLarge},
		{"a PNG that says JPEG", func() upload { return ticketed4711(onRig(t, "gopher-palette.png")) }, ContentType},
		{"a key that has to be escaped", func() upload {
			u := ticketed4711(onRig(t, "small-baseline.jpg"))
			u.key = strings.Replace(u.key, "cam-3", "camera=3", 1)
			return u
		}, ""},
		{"a key that no template makes", func() upload {
			u := ticketed4711(onRig(t, "small-baseline.jpg"))
			u.key = strings.Replace(u.key, "cam-3", "a+b c=ü%2F\x01", 1)
			return u
		}, ForeignKey},
		{"a store that no certificate names", func() upload {
			u := ticketed4711(onRig(t, "small-baseline.jpg"))
			u.key = strings.Replace(u.key, "4711", "\x01", 1)
			return u
		}, ForeignKey},
	} {
		t.Run(story.name, func(t *testing.T) {
			u := story.make()
			version := s.put(u)
			if again := s.tell(message(u.key, version)); again != nil {
				t.Fatalf("it comes again: %v", s.lines())
			}
			s.wantKnown(t, u, version, story.reason)
		})
	}
}

// wantKnown compares what record, topic, tag and log say of one object.
func (s *site) wantKnown(t *testing.T, u upload, version string, reason Reason) {
	t.Helper()
	result := Valid
	if reason != "" {
		result = Invalid
	}
	item := s.item(u.key)
	digest := sha256.Sum256(u.body)
	for name, want := range map[string]string{
		"result": string(result), "reason": string(reason), "version_id": version, "announced": "true", "bytes": fmt.Sprint(len(u.body)),
		"expires_at": fmt.Sprint(noon.Add(90 * 24 * time.Hour).Unix()), "camera": "cam-3", "rig": "left", "checked_at": "2026-11-22T12:00:00Z",
		"captured_at": "2026-11-22T01:18:03.123Z",
	} {
		if got := said(item, name); got != want {
			t.Errorf("the record's %s is %q, want %q", name, got, want)
		}
	}
	if got := said(item, "sha256"); result == Valid && got != hex.EncodeToString(digest[:]) {
		t.Errorf("the record's digest is %q", got)
	}
	mail := s.announcements()
	if len(mail) != 1 || mail[0]["result"] != string(result) || mail[0]["key"] != u.key || mail[0]["version_id"] != version || mail[0]["bucket"] != testBucket {
		t.Errorf("announced: %v", mail)
	}
	if got := s.tagged(u.key, version); got != (result == Invalid) {
		t.Errorf("tagged: %v", got)
	}
	lines := s.lines()
	if len(lines) != 1 || lines[0]["pipeline_result"] != string(result) || lines[0]["key"] != u.key || (reason != "" && lines[0]["reason"] != string(reason)) {
		t.Errorf("the log: %v", lines)
	}
}

// An event without a version means the newest; from the first look on it stays that one.
func TestWithoutAVersion(t *testing.T) {
	s := newSite(t)
	u := ticketed4711(onRig(t, "camera.jpg"))
	version := s.put(u)
	if again := s.tell(message(u.key, "")); again != nil {
		t.Fatal(s.lines())
	}
	s.wantKnown(t, u, version, "")
}

func TestDeletedBeforeItWasLookedAt(t *testing.T) {
	s := newSite(t)
	u := ticketed4711(onRig(t, "camera.jpg"))
	erase := func(version string) {
		if _, err := s.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(testBucket), Key: &u.key, VersionId: &version}); err != nil {
			t.Error(err)
		}
	}
	for _, story := range []string{"before", "between HEAD and GET", "before the tag"} {
		t.Run(story, func(t *testing.T) {
			u.key = strings.Replace(keyOf(u.body), "cam-3", "cam-"+strings.ReplaceAll(story, " ", "-"), 1)
			if story == "before the tag" {
				u.body = u.body[:len(u.body)-2] // so that it is tagged at all
			}
			version := s.put(u)
			switch story {
			case "before":
				erase(version)
			case "between HEAD and GET":
				s.door.breaks(func(r *http.Request) bool {
					if r.Method == http.MethodGet {
						erase(version)
					}
					return false
				}, nil)
			case "before the tag":
				s.door.breaks(func(r *http.Request) bool {
					if r.Method == http.MethodPut && r.URL.Query().Has("tagging") {
						erase(version)
					}
					return false
				}, nil)
			}
			if again := s.tell(message(u.key, version)); again != nil {
				t.Fatalf("it comes again: %v", s.lines())
			}
			item, mail := s.item(u.key), s.announcements()
			want := string(Gone)
			if story == "before the tag" {
				want = string(DigestMismatch)
			}
			if said(item, "result") != "invalid" || said(item, "reason") != want || len(mail) != 1 || mail[0]["reason"] != want {
				t.Errorf("record %v, announced %v", item, mail)
			}
		})
	}
}

// P3, on this side: whatever comes again changes nothing.
func TestP3_DeliveredTwice(t *testing.T) {
	s := newSite(t)
	for name, u := range map[string]upload{"valid": ticketed4711(onRig(t, "camera.jpg")), "invalid": ticketed4711([]byte("no picture"))} {
		t.Run(name, func(t *testing.T) {
			version := s.put(u)
			m := message(u.key, version)
			if again := s.tell(m, m); again != nil {
				t.Fatal(s.lines())
			}
			if again := s.tell(m); again != nil {
				t.Fatal(s.lines())
			}
			if mail := s.announcements(); len(mail) != 1 {
				t.Errorf("announced %d times", len(mail))
			}
			var results []any
			for _, line := range s.lines() {
				results = append(results, line["pipeline_result"])
			}
			if fmt.Sprint(results) != fmt.Sprint([]any{name, Duplicate, Duplicate}) {
				t.Errorf("results %v", results)
			}
		})
	}
}

// A rule that keeps keys from being written twice may fail one day. A valid frame's record outlives that.
func TestASecondVersion(t *testing.T) {
	s := newSite(t)
	good := ticketed4711(onRig(t, "camera.jpg"))
	bad := good
	bad.body = []byte("something else")
	tell := func(u upload) (version string) {
		t.Helper()
		version = s.put(u)
		if again := s.tell(message(u.key, version)); again != nil {
			t.Fatal(s.lines())
		}
		return version
	}
	spoiled := tell(bad)
	if got := said(s.item(good.key), "result"); got != "invalid" || !s.tagged(bad.key, spoiled) {
		t.Errorf("the first is %q", got)
	}
	whole := tell(good)
	if item := s.item(good.key); said(item, "result") != "valid" || said(item, "version_id") != whole {
		t.Errorf("a whole version did not take the record of a spoiled one: %v", item)
	}
	spoiled = tell(bad)
	if item := s.item(good.key); said(item, "result") != "valid" || said(item, "version_id") != whole || said(item, "announced") != "true" {
		t.Errorf("a spoiled version took the record of a whole one: %v", item)
	}
	if !s.tagged(bad.key, spoiled) || s.tagged(good.key, whole) {
		t.Error("the wrong version is tagged")
	}
	if mail := s.announcements(); len(mail) != 3 || mail[2]["result"] != "invalid" || mail[2]["version_id"] != spoiled {
		t.Errorf("announced: %v", mail)
	}
}

// TestBrokenOff breaks the way at each request, before and after the cloud has had it. The message comes again, and then
// everything is as if nothing had happened, but for an announcement that may be there twice.
func TestBrokenOff(t *testing.T) {
	s := newSite(t)
	is := func(what string) func(*http.Request) bool {
		puts := 0
		return func(r *http.Request) bool {
			switch target := r.Header.Get("X-Amz-Target"); {
			case strings.HasSuffix(target, ".PutItem"):
				puts++
				return what == fmt.Sprint("record ", puts)
			case target != "":
				return false
			case r.URL.Path == "/":
				return what == "announce"
			case r.URL.Query().Has("tagging"):
				return what == "tag"
			}
			return what == r.Method
		}
	}
	n := 0
	for _, test := range []struct {
		at              string
		before          int // announcements when it is broken off before the cloud has had the request, and after
		after           int
		onlyOfTheFailed bool
	}{
		{at: http.MethodHead, before: 1, after: 1},
		{at: http.MethodGet, before: 1, after: 1},
		{at: "record 1", before: 1, after: 1},
		{at: "tag", before: 1, after: 1, onlyOfTheFailed: true},
		{at: "announce", before: 1, after: 2},
		{at: "record 2", before: 2, after: 1},
	} {
		for _, whole := range []bool{true, false} {
			for _, lost := range []bool{false, true} {
				if whole && test.onlyOfTheFailed {
					continue
				}
				t.Run(fmt.Sprintf("%s, whole %v, only the answer lost %v", test.at, whole, lost), func(t *testing.T) {
					n++
					u := ticketed4711(onRig(t, "small-baseline.jpg"))
					if !whole {
						u.body = []byte("no picture")
						u.key = keyOf(u.body)
					}
					u.key = strings.Replace(u.key, "cam-3", fmt.Sprint("cam-", n), 1)
					version, want := s.put(u), test.before
					s.door.breaks(is(test.at), nil)
					if lost {
						s.door.breaks(nil, is(test.at))
						want = test.after
					}
					if again := s.tell(message(u.key, version)); !slices.Equal(again, []string{"m0"}) {
						t.Fatalf("to come again: %v, %v", again, s.lines())
					}
					if line := s.lines()[0]; line["pipeline_result"] != "failed" || line["level"] != "ERROR" || line["key"] != u.key {
						t.Errorf("the log: %v", line)
					}
					s.door.breaks(nil, nil)
					if again := s.tell(message(u.key, version)); again != nil {
						t.Fatalf("the second time: %v", s.lines())
					}
					s.lines()
					if item := s.item(u.key); said(item, "announced") != "true" || (said(item, "result") == "valid") != whole {
						t.Errorf("the record: %v", item)
					}
					if got := s.tagged(u.key, version); got == whole {
						t.Errorf("tagged: %v", got)
					}
					if mail := s.announcements(); len(mail) != want {
						t.Errorf("announced %d times, want %d", len(mail), want)
					}
				})
			}
		}
	}
}

// One message's failure is that message's alone.
func TestABatch(t *testing.T) {
	s := newSite(t)
	a, b, c := ticketed4711(onRig(t, "small-baseline.jpg")), ticketed4711([]byte("no picture")), ticketed4711(onRig(t, "small-progressive.jpg"))
	va, vb, vc := s.put(a), s.put(b), s.put(c)
	s.door.breaks(func(r *http.Request) bool { return r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, a.key) }, nil)
	again := s.tell(message(a.key, va), `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"frames"}`, message(b.key, vb), "no JSON", message(c.key, vc))
	if !slices.Equal(again, []string{"m0", "m3"}) {
		t.Errorf("to come again: %v", again)
	}
	if said(s.item(b.key), "result") != "invalid" || said(s.item(c.key), "result") != "valid" || s.item(a.key) != nil {
		t.Error("the others did not get through")
	}
}

// What is not of our bucket, or no event at all, is not touched, and ends in the dead-letter queue.
func TestHostileMessages(t *testing.T) {
	s := newCloudless(t)
	for name, body := range map[string]string{
		"nothing":              ``,
		"null":                 `null`,
		"a list":               `[]`,
		"no records":           `{"Records":[]}`,
		"a test and records":   `{"Event":"s3:TestEvent","Records":[{}]}`,
		"an empty record":      `{"Records":[{}]}`,
		"other types":          `{"Records":[{"s3":{"object":{"key":{}}}}]}`,
		"another bucket":       messageOf("nobodys", "ObjectCreated:Put", "raw/4711/x", ""),
		"another source":       strings.Replace(message("raw/4711/x", ""), "aws:s3", "aws:sns", 1),
		"no key":               message("", ""),
		"half an escape":       messageOf(testBucket, "ObjectCreated:Put", "raw/%zz", ""),
		"no UTF-8":             messageOf(testBucket, "ObjectCreated:Put", "raw/%ff", ""),
		"a key of 1025 bytes":  message(strings.Repeat("k", 1025), ""),
		"a version of 2 KB":    message("raw/4711/x", strings.Repeat("v", 2048)),
		"nested a million":     strings.Repeat("[", 1_000_000),
		"the bucket in a trap": `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"frames"},"object":{"key":"raw/4711/x"}}},{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"other"},"object":{"key":"raw/4711/x"}}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s.door.breaks(nil, nil)
			if again := s.tell(body); !slices.Equal(again, []string{"m0"}) {
				t.Errorf("it passed")
			}
			if asked := s.door.requests(); asked != nil {
				t.Errorf("the cloud was asked: %v", asked)
			}
			lines := s.lines()
			if len(lines) != 1 || lines[0]["pipeline_result"] != "failed" || !strings.Contains(fmt.Sprint(lines[0]["err"]), "not understood") || len(fmt.Sprint(lines)) > 1000 {
				t.Errorf("the log: %.2000v", lines)
			}
		})
	}
}

// What is no new frame is passed over, and nothing is asked of it.
func TestPassedOver(t *testing.T) {
	s := newCloudless(t)
	for name, body := range map[string]string{
		"a canary":   message("canary/4711/left", "v1"),
		"a deletion": messageOf(testBucket, "ObjectRemoved:DeleteMarkerCreated", "raw/4711/x", "v1"),
		"a test":     `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T12:00:00Z","Bucket":"frames"}`,
	} {
		if again := s.tell(body); again != nil || s.door.requests() != nil {
			t.Errorf("%s: to come again %v, asked %v", name, again, s.door.requests())
		}
	}
	if lines := s.lines(); len(lines) != 1 || lines[0]["pipeline_result"] != "ignored" {
		t.Errorf("the log: %v", lines)
	}
}

// An answer comes before Lambda ends the function, so that what is done is not done again.
func TestAnswersInTime(t *testing.T) {
	s := newSite(t)
	u := ticketed4711(onRig(t, "small-baseline.jpg"))
	version := s.put(u)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(answerTime))
	defer cancel()
	if again := s.tellIn(ctx, message(u.key, version)); !slices.Equal(again, []string{"m0"}) || ctx.Err() != nil {
		t.Errorf("to come again: %v, %v", again, ctx.Err())
	}
	if s.item(u.key) != nil || s.announcements() != nil {
		t.Error("something was done after the time")
	}
}

// A batch of slow frames gets somewhere each time: what there is no time for comes again before the function ends, which
// would bring back what is done as well.
func TestBeginsNothingLate(t *testing.T) {
	s := newSite(t)
	a, b := ticketed4711(onRig(t, "small-baseline.jpg")), ticketed4711(onRig(t, "small-progressive.jpg"))
	ma, mb := message(a.key, s.put(a)), message(b.key, s.put(b))
	within := func(left time.Duration) (again []string) {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		return s.tellIn(ctx, ma, mb, "no JSON")
	}
	if again := within(messageTime); !slices.Equal(again, []string{"m1", "m2"}) {
		t.Errorf("with little time, to come again: %v", again)
	}
	if said(s.item(a.key), "announced") != "true" || s.item(b.key) != nil {
		t.Error("the first is not done, or the second begun")
	}
	lines := s.lines()
	if len(lines) != 3 || lines[1]["pipeline_result"] != "postponed" || lines[1]["message"] != "m1" || lines[1]["level"] != "WARN" || lines[1]["detail"] == nil {
		t.Errorf("the log: %v", lines)
	}
	if again := within(time.Hour); !slices.Equal(again, []string{"m2"}) || said(s.item(b.key), "announced") != "true" {
		t.Errorf("with time, to come again: %v", again)
	}
	if mail := s.announcements(); len(mail) != 2 {
		t.Errorf("announced: %v", mail)
	}
}

func TestForeignEvents(t *testing.T) {
	s := newCloudless(t)
	for _, event := range []events.SQSEvent{
		{},
		{Records: []events.SQSMessage{{MessageId: "m", EventSource: "aws:kinesis"}}},
		{Records: []events.SQSMessage{{EventSource: "aws:sqs"}}},
	} {
		if _, err := s.p.Handle(t.Context(), event); err == nil {
			t.Errorf("%+v passed", event)
		}
	}
}

// TestMetrics: a line is what CloudWatch takes for metrics: the head names members that are there, and are numbers.
func TestMetrics(t *testing.T) {
	s := newSite(t)
	u := ticketed4711(onRig(t, "camera.jpg"))
	s.tell(message(u.key, s.put(u)))
	line := s.lines()[0]
	head, _ := line["_aws"].(map[string]any)
	if head["Timestamp"] != float64(noon.UnixMilli()) {
		t.Errorf("the head: %v", head)
	}
	set := head["CloudWatchMetrics"].([]any)[0].(map[string]any)
	if set["Namespace"] != MetricNamespace || fmt.Sprint(set["Dimensions"]) != "[[pipeline_result]]" {
		t.Errorf("the metrics: %v", set)
	}
	for _, m := range set["Metrics"].([]any) {
		if _, ok := line[m.(map[string]any)["Name"].(string)].(float64); !ok {
			t.Errorf("there is no number %v in %v", m, line)
		}
	}
	if line["bytes"] != float64(len(u.body)) || line["frames"] != float64(1) {
		t.Errorf("the numbers: %v", line)
	}
}

// Only what the role may do is done: a permission more would be one too many.
func TestWhatItAsks(t *testing.T) {
	s := newSite(t)
	u := ticketed4711([]byte("no picture"))
	version := s.put(u)
	s.door.breaks(nil, nil)
	s.tell(message(u.key, version))
	got := strings.Join(s.door.requests(), "\n")
	path := "/" + testBucket + "/" + u.key
	want := strings.Join([]string{
		"HEAD " + path + " ", "GET " + path + " ", "POST / DynamoDB_20120810.PutItem", "PUT " + path + " ", "POST / ", "POST / DynamoDB_20120810.PutItem",
	}, "\n")
	if got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	env := map[string]string{
		"SHELF_PIPELINE_BUCKET": "a.b", "SHELF_PIPELINE_KMS_KEY": "alias/frames", "SHELF_PIPELINE_TABLE": "x", "SHELF_PIPELINE_TOPIC": "frames",
	}
	o, err := FromEnvironment(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), o)
	for _, want := range []string{
		`SHELF_PIPELINE_BUCKET is "a.b"`, `SHELF_PIPELINE_KMS_KEY is "alias/frames"; it must be the full ARN`, `SHELF_PIPELINE_TABLE is "x"`,
		`SHELF_PIPELINE_TOPIC is "frames"`, "nothing to judge pictures with",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	for _, text := range []string{"0", "-1", "64 MiB", "9999999999999"} {
		env["SHELF_PIPELINE_MAX_BYTES"] = text
		if _, err := FromEnvironment(func(name string) string { return env[name] }); err == nil {
			t.Errorf("%q passed as a number of bytes", text)
		}
	}
}
