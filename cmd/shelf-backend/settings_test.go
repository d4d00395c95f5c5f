package main

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader/backend"
)

// uncommented is the reference with every default in force.
func uncommented() []byte {
	return regexp.MustCompile(`(?m)^#(\[?[a-z0-9_.]+( = |\]$))`).ReplaceAll(reference, []byte("$1"))
}

func TestReferenceIsValid(t *testing.T) {
	for name, raw := range map[string][]byte{"as shipped": reference, "uncommented": uncommented()} {
		if _, err := parseSettings("reference.toml", raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReferenceNamesEveryKey(t *testing.T) {
	document, err := strict.Decode("reference.toml", uncommented(), &settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range strict.Keys(settings{}) {
		if !document.Has(key) {
			t.Errorf("%s is not in reference.toml", key)
		}
	}
}

// What the reference calls a default is what the program does without it.
func TestReferenceTellsTheDefaults(t *testing.T) {
	s, err := parseSettings("reference.toml", uncommented())
	if err != nil {
		t.Fatal(err)
	}
	o := s.options()
	if o.Tickets.TTL != backend.DefaultTTL || o.Tickets.KeyTemplate != backend.DefaultKeyTemplate ||
		o.Policy.MaxBytes != backend.DefaultMaxBytes || o.Policy.MaxCameras != 0 || o.Policy.FramesPerMinute != 0 ||
		o.S3.Endpoint != "" || o.S3.PathStyle {
		t.Errorf("the reference's defaults are not the program's: %+v", o)
	}
	if !reflect.DeepEqual(o.Tickets.Metadata, backend.DefaultMetadata()) || !reflect.DeepEqual(o.Policy.ContentTypes, backend.ContentTypes()) {
		t.Errorf("the reference's lists are not the program's: %v %v", o.Tickets.Metadata, o.Policy.ContentTypes)
	}
	shipped, err := parseSettings("reference.toml", reference)
	if err != nil {
		t.Fatal(err)
	}
	if shipped.Log != s.Log || shipped.Listen.Home != s.Listen.Home || shipped.Operations != s.Operations {
		t.Errorf("%+v without the lines, %+v with them", shipped, s)
	}
}

func TestSettingsReachTheBackend(t *testing.T) {
	raw := bytes.ReplaceAll(uncommented(), []byte(`ttl = "10m"`), []byte(`ttl = "90s"`))
	raw = bytes.ReplaceAll(raw, []byte("frames_per_minute = 0"), []byte("frames_per_minute = 7"))
	raw = bytes.ReplaceAll(raw, []byte(`endpoint = ""`), []byte(`endpoint = "https://s3.example.com"`))
	s, err := parseSettings("f", raw)
	if err != nil {
		t.Fatal(err)
	}
	o := s.options()
	if o.Tickets.TTL != 90*time.Second || o.Policy.FramesPerMinute != 7 || o.S3.Endpoint != "https://s3.example.com" ||
		len(o.Policy.Cameras["4711"]) != 2 ||
		o.S3.Stores["4711"].Endpoint != "https://bucket.vpce-0a1b2c3d-4e5f6a7b.s3.eu-central-1.vpce.amazonaws.com" {
		t.Errorf("%+v", o)
	}
}

func TestSuggestion(t *testing.T) {
	for given, want := range map[string]string{
		"listen.adress = 1":    `f:1:1: listen.adress: there is no such key; did you mean "listen.address"?`,
		"s3.path-style = 1":    `f:1:1: s3.path-style: there is no such key; did you mean "s3.path_style"?`,
		"bucket = 1":           `f:1:1: bucket: there is no such key; did you mean "s3.bucket"?`,
		"ticket.ttl = 1":       `f:1:1: ticket.ttl: there is no such key; did you mean "tickets.ttl"?`,
		"entirely.foreign = 1": `f:1:1: entirely.foreign: there is no such key`,
	} {
		if _, err := parseSettings("f", []byte(given)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", given, err, want)
		}
	}
}

func TestWrongTypesAreExplained(t *testing.T) {
	for given, want := range map[string]string{
		"[policy]\nmax_cameras = 1.5":             "f:2:15: policy.max_cameras: want a whole number",
		"[policy]\ncontent_types = \"a\"":         "f:2:17: policy.content_types: want a list of texts",
		"[policy.cameras]\n4711 = \"left\"":       "f:2:8: policy.cameras.4711: want a list of texts",
		"[s3]\npath_style = \"yes\"":              "f:2:14: s3.path_style: want true or false",
		"[s3]\nbucket = 7":                        "f:2:10: s3.bucket: want a text in quotes",
		"[tickets]\nttl = 600":                    "f:2:7: tickets.ttl: want a time span in quotes",
		"[policy]\nmax_bytes = \"64 MB/s\"":       "f:2:13: policy.max_bytes: \"64 MB/s\" is not a size",
		"[policy]\nmax_bytes = -1":                "f:2:13: policy.max_bytes: ",
		"log = 1":                                 "f:1:7: log: want a table",
		"[tickets]\nttl = \"10m\"\nttl = \"20m\"": "f:3:1:",
	} {
		if _, err := parseSettings("f", []byte(given)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", given, err, want)
		}
	}
}
