package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader"
)

// minimal is the least that a technician must write.
const minimal = `
[capture]
dir = "/srv/cameras"
[backend]
url = "https://tickets.example.com"
[upload]
hosts = ["frames.s3.eu-central-1.amazonaws.com"]
`

func TestMinimalFileRuns(t *testing.T) {
	config, err := Parse("config.toml", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if got := config.QueueDir(); got != filepath.FromSlash("/var/lib/shelf-agent/queue") {
		t.Errorf("queue in %q", got)
	}
	if got := config.RejectedDir(); got != filepath.FromSlash("/var/lib/shelf-agent/rejected") {
		t.Errorf("rejected files in %q", got)
	}
}

// TestReferenceShowsTheDefaults holds the shipped file, which people read, against the code, which runs.
func TestReferenceShowsTheDefaults(t *testing.T) {
	config, err := Parse("reference.toml", Reference)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Capture.Dir = "/srv/cameras"
	want.Backend.URL = "https://tickets.example.com"
	want.Upload.Hosts = []string{"frames.bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com"}
	config.Capture.Folders = nil // the table is there for its comment
	config.source = nil
	if !reflect.DeepEqual(*config, want) {
		t.Errorf("reference.toml differs from Default:\n got %+v\nwant %+v", *config, want)
	}
	for _, key := range strict.Keys(Config{}) {
		name := regexp.QuoteMeta(key[strings.LastIndex(key, ".")+1:])
		if !regexp.MustCompile(`(?m)^(# )?(\[.*)?` + name + `( =|\])`).Match(Reference) {
			t.Errorf("reference.toml does not show %s", key)
		}
	}
}

// mistakes are read by TestMistakes in mistakes_test.go.
func mistakes() []mistake {
	return []mistake{
		{"nothing is set", "", []string{
			`config.toml: capture.dir: is needed: an absolute path`,
			`config.toml: backend.url: is needed: where tickets come from, as in "https://tickets.example.com"`,
			`config.toml: upload.hosts: is needed: the host names of the bucket, as in ["frames.bucket.vpce-0a1b2c3d-4e5f.s3.eu-central-1.vpce.amazonaws.com"]`,
		}},
		{"a lab's token in a shop", strings.Replace(minimal, "[upload]", "token_file = \"/etc/shelf-agent/token\"\n[upload]", 1), []string{
			`config.toml:6:1: backend.token_file: a token is for laboratories only, and needs development.allow_lab_token; in a shop the rig is known by its certificate`,
		}},
		{"a letter is missing", strings.Replace(minimal, "dir =", "dirr =", 1), []string{
			`config.toml:3:1: capture.dirr: there is no such key; did you mean "capture.dir"?`,
		}},
		{"two typos at once", strings.Replace(strings.Replace(minimal, "dir =", "dirr =", 1), "hosts", "host", 1), []string{
			`config.toml:3:1: capture.dirr: there is no such key; did you mean "capture.dir"?`,
			`config.toml:7:1: upload.host: there is no such key; did you mean "upload.hosts"?`,
		}},
		{"the right key in the wrong table", minimal + "rescan = \"1m\"\n", []string{
			`config.toml:8:1: upload.rescan: there is no such key; did you mean "capture.rescan"?`,
		}},
		{"a key that nobody knows", minimal + "zzzzzzzzz = 1\n", []string{
			`config.toml:8:1: upload.zzzzzzzzz: there is no such key`,
		}},
		{"a quote is missing", "[capture]\ndir = \"/srv\n", []string{
			`config.toml:2:12: is the closing quote missing? (basic strings cannot have new lines)`,
		}},
		{"a number for a path", "[capture]\ndir = 5\n", []string{`config.toml:2:7: capture.dir: want a text in quotes, not 5`}},
		{"a path without quotes", "[capture]\ndir = /srv\n", []string{
			`config.toml:2:7: /srv is no value: a text needs quotes, as in "…"; a number has digits only; true and false are in small letters`,
		}},
		{"a time span without its unit", minimal + "stall = 60\n", []string{
			`config.toml:8:9: upload.stall: want a time span in quotes, such as "30s", "5m", "12h" or "7d", not 60`,
		}},
		{"a time span without its quotes", minimal + "stall = 60s\n", []string{
			`config.toml:8:9: 60s is no value: a text needs quotes`,
		}},
		{"no time at all, without quotes", minimal + "stall = 0\n", []string{
			`config.toml:8:9: upload.stall: want a time span in quotes, such as "30s", "5m", "12h" or "7d", not 0`,
		}},
		{"a size below zero", minimal + "rate = -1\n", []string{`config.toml:8:8: upload.rate: "-1" is not a size`}},
		{"a size with a fraction of a byte", minimal + "rate = 1024.5\n", []string{
			`config.toml:8:8: upload.rate: want a size in quotes, such as "512 MiB" or "20 GB", or a number of bytes, not 1024.5`,
		}},
		{"a number in quotes", minimal + "concurrency = \"8\"\n", []string{
			`config.toml:8:15: upload.concurrency: want a whole number without quotes, not "8"`,
		}},
		{"a number that no number holds", minimal + "concurrency = 99999999999999999999\n", []string{
			`config.toml:8:15: upload.concurrency: 99999999999999999999 is too large, or negative`,
		}},
		{"a switch in words", minimal + "[network]\nprivate_only = \"yes\"\n", []string{
			`config.toml:9:16: network.private_only: want true or false without quotes, not "yes"`,
		}},
		{"one host without its brackets", strings.NewReplacer("[\"", "\"", "\"]", "\"").Replace(minimal), []string{
			`config.toml:7:9: upload.hosts: want a list of texts, such as ["…", "…"], not "frames.s3.eu-central-1.amazonaws.com"`,
		}},
		{"a number among the hosts", strings.Replace(minimal, "[\"", "[5, \"", 1), []string{
			`config.toml:7:10: upload.hosts: want a text in quotes, not 5`,
		}},
		{"mistakes of every kind at once", strings.Replace(minimal, "dir =", "dirr =", 1) + "stall = 60\nrate = \"fast\"\nhosts = []\n", []string{
			`config.toml:3:1: capture.dirr: there is no such key; did you mean "capture.dir"?`,
			`config.toml:8:9: upload.stall: want a time span in quotes`,
			`config.toml:9:8: upload.rate: "fast" is not a size`,
			`config.toml:10:1: upload.hosts: is set twice; the first is in line 7`,
		}},
		{"a key with a capital letter", strings.Replace(minimal, "dir =", "Dir =", 1), []string{
			`config.toml:3:1: capture.Dir: there is no such key; did you mean "capture.dir"?`,
		}},
		{"a table in two places", minimal + "[capture]\nrescan = \"1m\"\n", []string{
			`config.toml:8:2: capture: this table is there twice; the first is in line 2`,
		}},
		{"a misspelt table", strings.Replace(minimal, "[capture]", "[captur]", 1), []string{
			`config.toml:2:2: captur: there is no such key; did you mean "capture"?`,
		}},
		{"a file that a power cut left full of zeros", "[capture]\n\x00\x00\x00", []string{
			`config.toml:2:1: there is a zero byte, so this is no text, or it was damaged by a power cut; restore it from a copy`,
		}},
		{"a time span in words", minimal + "stall = \"soon\"\n", []string{
			`config.toml:8:9: upload.stall: "soon" is not a time span; write it as in "30s", "5m", "12h" or "7d"`,
		}},
		{"a size in words", minimal + "rate = \"fast\"\n", []string{
			`config.toml:8:8: upload.rate: "fast" is not a size; write it as in "512 MiB" or "20 GB"`,
		}},
		{"a relative path", strings.Replace(minimal, "/srv/cameras", "cameras", 1), []string{
			`config.toml:3:1: capture.dir: "cameras" is not an absolute path`,
		}},
		{"plain http", strings.Replace(minimal, "https://", "http://", 1), []string{
			`config.toml:5:1: backend.url: "http://tickets.example.com" must begin with https://`,
		}},
		{"a URL where a host belongs", strings.Replace(minimal, `"frames`, `"https://frames`, 1), []string{
			`config.toml:7:1: upload.hosts: "https://frames.s3.eu-central-1.amazonaws.com" `,
		}},
		{"everybody's S3", strings.Replace(minimal, "frames.s3", "s3", 1), []string{
			`config.toml:7:1: upload.hosts: "s3.eu-central-1.amazonaws.com" serves everybody's buckets; write ` +
				`"<bucket>.s3.eu-central-1.amazonaws.com" or "s3.eu-central-1.amazonaws.com/<bucket>"`,
		}},
		{"everybody's name at the endpoint", strings.Replace(minimal, "frames.s3", "bucket.vpce-1-2.s3", 1), []string{
			`config.toml:7:1: upload.hosts: "bucket.vpce-1-2.s3.eu-central-1.amazonaws.com" serves everybody's buckets`,
		}},
		{"a port outside development", strings.Replace(minimal, "amazonaws.com", "amazonaws.com:9000", 1), []string{
			`config.toml:7:1: upload.hosts: "frames.s3.eu-central-1.amazonaws.com:9000" names the port 9000; S3 is reached at 443, other ports need development.allow_loopback`,
		}},
		{"the queue inside the capture folder", strings.Replace(minimal, "[capture]", "state_dir = \"/srv/cameras/state\"\n[capture]", 1), []string{
			`config.toml:2:1: state_dir: "/srv/cameras/state" is inside capture.dir: what the agent writes there would be captured`,
		}},
		{"the capture folder inside the state folder", strings.Replace(minimal, "/srv/cameras", "/var/lib/shelf-agent/in", 1), []string{
			`config.toml:3:1: capture.dir: "/var/lib/shelf-agent/in" is inside state_dir ("/var/lib/shelf-agent"), which belongs to the agent`,
		}},
		{"a camera id with a space", minimal + "[capture.folders]\n\"Left Aisle\" = \"Left Aisle\"\n", []string{
			`config.toml:9:1: capture.folders.Left Aisle: "Left Aisle" is not a camera id: small letters, digits and . _ -, at most 63, beginning with a letter or digit`,
		}},
		{"a key alias instead of an ARN", minimal + "kms_key_arn = \"alias/frames\"\n", []string{
			`config.toml:8:1: upload.kms_key_arn: "alias/frames" is not the full ARN of a KMS key`,
		}},
		{"a network that is none", minimal + "[network]\nprivate_ranges = [\"10.0.0.0\"]\n", []string{
			`config.toml:9:1: network.private_ranges: "10.0.0.0" is not a network; write it as in "10.0.0.0/8"`,
		}},
		{"private networks only, but none named", minimal + "[network]\nprivate_only = true\nprivate_ranges = []\n", []string{
			`config.toml:10:1: network.private_ranges: is empty, so with private_only nothing could be uploaded`,
		}},
		{"an unknown order", minimal + "[queue]\norder = \"newest\"\n", []string{
			`config.toml:9:1: queue.order: "newest" is not one of fresh-first, oldest-first`,
		}},
		{"an unknown time zone", minimal + "[frame]\ntimezone = \"Berlin\"\n", []string{
			`config.toml:9:1: frame.timezone: "Berlin" is not a time zone; write it as in "Europe/Berlin", or "Local"`,
		}},
		{"a window's time without quotes or minutes", minimal + "[[upload.window]]\nfrom = 22\nto = \"6\"\nrate = 0\n", []string{
			`config.toml:9:8: upload.window[0].from: want a time of day in quotes, such as "06:00" or "22:30", not 22`,
			`config.toml:10:6: upload.window[0].to: "6" is not a time of day; write it as in "06:00" or "22:30"`,
			`config.toml:11:8: upload.window[0].rate: want bytes per second in quotes, such as "256 KiB", "0" for no limit, or "pause", not 0`,
		}},
		{"a window of another kind", minimal + "[[upload.window]]\nfrom = \"24:01\"\nto = \"12:60\"\ndays = [\"Monday\", \"weekend\"]\nrate = \"stop\"\n", []string{
			`config.toml:9:8: upload.window[0].from: "24:01" is not a time of day; write it as in "06:00" or "22:30"`,
			`config.toml:10:6: upload.window[0].to: "12:60" is not a time of day`,
			`config.toml:11:9: upload.window[0].days: "Monday" is not a day; did you mean "mon"?`,
			`config.toml:11:19: upload.window[0].days: "weekend" is not one of mon, tue, wed, thu, fri, sat, sun`,
			`config.toml:12:8: upload.window[0].rate: "stop" is not a rate; did you mean "pause"?`,
		}},
		{"half a window", minimal + "[[upload.window]]\nfrom = \"22:00\"\nuntil = \"06:00\"\n", []string{
			`config.toml:10:1: upload.window[0].until: there is no such key`,
		}},
		{"half a window, spelt well", minimal + "[[upload.window]]\nfrom = \"22:00\"\ndays = []\n", []string{
			`config.toml:8:3: upload.window[0]: to is needed: a window is as in from = "22:00", to = "06:00", rate = "0"`,
			`config.toml:8:3: upload.window[0]: rate is needed`,
			`config.toml:10:1: upload.window[0].days: names no day; without this line the window is there every day`,
		}},
		{"two windows at once", minimal + "[[upload.window]]\nfrom = \"22:00\"\nto = \"06:00\"\nrate = \"0\"\n" +
			"[[upload.window]]\nfrom = \"05:00\"\nto = \"09:00\"\nrate = \"pause\"\n", []string{
			`config.toml:12:3: upload.window[1]: it overlaps window 1 on Sunday at 05:00; only one can hold`,
		}},
		{"a rate at which nothing arrives", minimal + "[[upload.window]]\nfrom = \"22:00\"\nto = \"06:00\"\nrate = \"256\"\n", []string{
			`config.toml:11:1: upload.window[0].rate: 256 bytes a second would take an hour for one frame; at least "1 KiB", "0" for no limit, or "pause"`,
		}},
		{"a pause without an end", minimal + "[[upload.window]]\nfrom = \"00:00\"\nto = \"24:00\"\nrate = \"pause\"\n", []string{
			`config.toml:8:3: upload.window[0]: with it, uploads are paused all week, and nothing would ever be sent`,
		}},
		{"windows of an unknown time zone", minimal + "timezone = \"Berlin\"\n", []string{
			`config.toml:8:1: upload.timezone: "Berlin" is not a time zone; write it as in "Europe/Berlin", or "Local"`,
		}},
		{"too many transfers", minimal + "concurrency = 1000\n", []string{
			`config.toml:8:1: upload.concurrency: 1000 is not between 1 and 64`,
		}},
		{"a file of a later version", "schema = 3\n" + minimal, []string{
			`config.toml:1:1: schema: 3 is not a version from 1 to 2, which this program reads; was the file written for a newer one?`,
		}},
		{"pictures for somebody", minimal + "[status]\npictures = \"friends\"\n", []string{
			`config.toml:9:1: status.pictures: "friends" is not one of loopback, always, never`,
		}},
		{"a port alone", minimal + "[status]\nlisten = \":8470\"\n", []string{
			`config.toml:9:1: status.listen: ":8470" is not an address and port; write it as in "127.0.0.1:8470", or "" for no page`,
		}},
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "config.toml")
	if _, err := Load(missing, nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
}

// TestSizesMayBeNumbers, whose unit everybody would guess; time spans may not.
func TestSizesMayBeNumbers(t *testing.T) {
	config, err := Parse("config.toml", []byte(minimal+"rate = 65_536\n[queue]\nmin_free = \"2 GiB\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if config.Upload.Rate != 1<<16 || config.Queue.MinFree != 2<<30 {
		t.Errorf("rate %d, min_free %d", config.Upload.Rate, config.Queue.MinFree)
	}
}

// TestWindows reads the example of the reference, and one of each kind.
func TestWindows(t *testing.T) {
	example := regexp.MustCompile(`(?m)^# (\[\[upload.window|\[\[silence.hours|from|to|days|rate)`).ReplaceAllString(string(Reference), "$1")
	config, err := Parse("config.toml", []byte(strings.Replace(example, `timezone = "Local"`, `timezone = "Europe/Berlin"`, 3)))
	if err != nil {
		t.Fatal(err)
	}
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday}
	want := []uploader.Window{{From: 480, To: 1200, Days: weekdays, Rate: 256 << 10}}
	if got := config.Upload.windows(); !reflect.DeepEqual(got, want) || config.Upload.Timezone != "Europe/Berlin" {
		t.Errorf("got  %+v in %s\nwant %+v", got, config.Upload.Timezone, want)
	}
	filming := SilenceRule{After: time.Hour, Hours: []Hours{{From: 420, To: 1260, Days: []Day{1, 2, 3, 4, 5, 6}}}}
	if got, err := config.SilenceRules(); err != nil || !reflect.DeepEqual(got.Others, filming) || got.Location.String() != "Europe/Berlin" {
		t.Errorf("silence: %+v, %v", got, err)
	}
	for text, want := range map[string]uploader.Rate{"pause": uploader.Pause, "0": 0, "256 KiB": 256 << 10, "1 MB": 1e6} {
		var rate WindowRate
		if err := rate.UnmarshalText([]byte(text)); err != nil || uploader.Rate(rate) != want {
			t.Errorf("%q: %d, %v", text, rate, err)
		}
	}
	for text, want := range map[string]Clock{"00:00": 0, "7:05": 425, "24:00": 1440} {
		var clock Clock
		if err := clock.UnmarshalText([]byte(text)); err != nil || clock != want {
			t.Errorf("%q: %d, %v", text, clock, err)
		}
	}
}
