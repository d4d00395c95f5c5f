package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/config/strict"
)

// TestTheEnvironmentGoesBeforeTheFile: a value of each kind.
func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	config, err := ParseWith("config.toml", []byte(minimal+"rate = \"1 MiB\"\n"), []string{
		"PATH=/usr/bin", "SHELFAGENT_OTHER=x",
		"SHELF_AGENT_UPLOAD_RATE=256 KiB", "SHELF_AGENT_UPLOAD_STALL=90s", "SHELF_AGENT_UPLOAD_CONCURRENCY=4",
		"SHELF_AGENT_NETWORK_PRIVATE_ONLY=true", "SHELF_AGENT_NETWORK_PRIVATE_RANGES=10.0.0.0/8, fc00::/7",
		"SHELF_AGENT_FRAME_JUDGE_DARK=0", "SHELF_AGENT_STATE_DIR=/data/agent", "SHELF_AGENT_BACKEND_CA=",
	})
	if err != nil {
		t.Fatal(err)
	}
	if config.Upload.Rate != 256<<10 || time.Duration(config.Upload.Stall) != 90*time.Second || config.Upload.Concurrency != 4 ||
		!config.Network.PrivateOnly || !reflect.DeepEqual(config.Network.PrivateRanges, []string{"10.0.0.0/8", "fc00::/7"}) ||
		config.Frame.Judge.Dark != 0 || config.StateDir != "/data/agent" {
		t.Errorf("%+v", config)
	}
}

// TestTheEnvironmentAlone can be all that there is: an empty file, as in a container.
func TestTheEnvironmentAlone(t *testing.T) {
	_, err := ParseWith("config.toml", nil, []string{
		"SHELF_AGENT_CAPTURE_DIR=/srv/cameras", "SHELF_AGENT_BACKEND_URL=https://t.example.com", "SHELF_AGENT_UPLOAD_HOSTS=a.example.com,b.example.com",
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMistakesInTheEnvironment(t *testing.T) {
	for _, tc := range []struct {
		story       string
		environment []string
		want        []string
	}{
		{"a size in words", []string{"SHELF_AGENT_UPLOAD_RATE=fast"}, []string{
			`environment variable SHELF_AGENT_UPLOAD_RATE: upload.rate: "fast" is not a size; write it as in "512 MiB" or "20 GB"`,
		}},
		{"a switch in words", []string{"SHELF_AGENT_NETWORK_PRIVATE_ONLY=yes"}, []string{
			`environment variable SHELF_AGENT_NETWORK_PRIVATE_ONLY: network.private_only: want true or false, not "yes"`,
		}},
		{"no number", []string{"SHELF_AGENT_UPLOAD_CONCURRENCY=many"}, []string{
			`environment variable SHELF_AGENT_UPLOAD_CONCURRENCY: upload.concurrency: want a whole number, not "many"`,
		}},
		{"a number beyond its bounds", []string{"SHELF_AGENT_UPLOAD_CONCURRENCY=1000"}, []string{
			`environment variable SHELF_AGENT_UPLOAD_CONCURRENCY: upload.concurrency: 1000 is not between 1 and 64`,
		}},
		{"one network of two", []string{"SHELF_AGENT_NETWORK_PRIVATE_RANGES=10.0.0.0/8,10.1"}, []string{
			`environment variable SHELF_AGENT_NETWORK_PRIVATE_RANGES: network.private_ranges: "10.1" is not a network; write it as in "10.0.0.0/8"`,
		}},
		{"two letters changed", []string{"SHELF_AGENT_UPLOAD_RAET=1 MiB"}, []string{
			`environment variable SHELF_AGENT_UPLOAD_RAET: sets no key of the configuration; did you mean SHELF_AGENT_UPLOAD_RATE?`,
		}},
		{"nothing that is like it", []string{"SHELF_AGENT_ZZZZZZZZZZZZZZZZZZZZ=1"}, []string{
			`environment variable SHELF_AGENT_ZZZZZZZZZZZZZZZZZZZZ: sets no key of the configuration; its name is SHELF_AGENT_, then the key in capital letters with _ for each dot, as in SHELF_AGENT_UPLOAD_RATE`,
		}},
		{"what is in tables with names of their own", []string{"SHELF_AGENT_CAMERA_TILL_QUALITY=80", "SHELF_AGENT_CAPTURE_FOLDERS=x", "SHELF_AGENT_SCHEMA=1", "SHELF_AGENT_UPLOAD_WINDOW_FROM=1"}, []string{
			`environment variable SHELF_AGENT_CAMERA_TILL_QUALITY: camera can be set in the file only`,
			`environment variable SHELF_AGENT_CAPTURE_FOLDERS: capture.folders can be set in the file only`,
			`environment variable SHELF_AGENT_SCHEMA: schema can be set in the file only`,
			`environment variable SHELF_AGENT_UPLOAD_WINDOW_FROM: upload.window can be set in the file only`,
		}},
	} {
		t.Run(tc.story, func(t *testing.T) { wantMistakes(t, minimal, tc.environment, tc.want) })
	}
	wantMistakes(t, strings.Replace(minimal, "dir =", "dirr =", 1), []string{"SHELF_AGENT_UPLOAD_RATE=fast"}, []string{
		`environment variable SHELF_AGENT_UPLOAD_RATE: upload.rate: "fast" is not a size`,
		`config.toml:3:1: capture.dirr: there is no such key`,
	})
}

// TestEachVariableSetsOneKey: no two keys share a variable, and every value of the file has one.
func TestEachVariableSetsOneKey(t *testing.T) {
	owner := map[string]string{}
	for _, key := range EnvironmentKeys() {
		if other := owner[Variable(key)]; other != "" {
			t.Errorf("%s sets %s and %s", Variable(key), key, other)
		}
		owner[Variable(key)] = key
	}
	if len(owner) < 40 {
		t.Errorf("only %d keys have a variable", len(owner))
	}
	for _, v := range strict.Values(Default()) {
		if owner[Variable(v.Key)] != v.Key && v.Key != "schema" {
			t.Errorf("%s has no variable", v.Key)
		}
	}
}

// TestTheKeyMayBeACredential of systemd's: it goes before the one in the state folder, and after one that is named.
func TestTheKeyMayBeACredential(t *testing.T) {
	folder := t.TempDir()
	sealed := filepath.Join(folder, "shelf-agent.rig-key")
	home := func(file string) string {
		t.Helper()
		c, err := ParseWith("config.toml", []byte(file), []string{"CREDENTIALS_DIRECTORY=" + folder})
		if err != nil {
			t.Fatal(err)
		}
		return c.Home().Key
	}
	const own = "/var/lib/shelf-agent/identity/rig-key.pem"
	if got := home(minimal); filepath.ToSlash(got) != own {
		t.Errorf("systemd has none: %s", got)
	}
	if err := os.WriteFile(sealed, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if got := home(minimal); got != sealed {
		t.Errorf("systemd has one: %s", got)
	}
	if got := home(strings.Replace(minimal, "[upload]", "key = \"/named\"\n[upload]", 1)); got != "/named" {
		t.Errorf("one is named: %s", got)
	}
}
