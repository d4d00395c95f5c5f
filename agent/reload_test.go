package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"shelfagent/agent/config"
	"shelfagent/agent/config/strict"
	"shelfagent/agent/frame"
	"shelfagent/queue"
)

// written is a configuration as a file, with other values for some keys, in TOML.
func written(c *config.Config, other map[string]string) []byte {
	var file bytes.Buffer
	left := map[string]string{}
	for key, text := range other {
		left[key] = text
	}
	for _, v := range c.Values() {
		text := v.Text
		if o, ok := left[v.Key]; ok {
			text = o
			delete(left, v.Key)
		}
		file.WriteString(v.Written + " = " + text + "\n")
	}
	for key, text := range left {
		file.WriteString(key + " = " + text + "\n")
	}
	return file.Bytes()
}

func withKeys(t *testing.T, c *config.Config, other map[string]string) *config.Config {
	t.Helper()
	changed, err := config.Parse("config.toml", written(c, other))
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// opened is an agent that does not run, with its log.
type opened struct {
	t *testing.T
	*Agent
	c   *config.Config
	log *bytes.Buffer
}

func (s shop) opened() *opened {
	s.t.Helper()
	r := &opened{t: s.t, c: s.configuration(), log: &bytes.Buffer{}}
	level := &slog.LevelVar{}
	a, err := Open(s.t.Context(), r.c, Options{Version: "test", Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: level})), Level: level})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = a.Close() })
	r.Agent = a
	return r
}

func (r *opened) reload(other map[string]string) {
	r.t.Helper()
	c := withKeys(r.t, r.c, other)
	r.Reload(func() (*config.Config, error) { return c, nil })
}

// condition is what people read of the last reload.
func (r *opened) condition() string {
	for _, c := range r.Snapshot().Conditions {
		if c.Code == "config_reload_failed" {
			return c.Detail
		}
	}
	return ""
}

// TestReload: what can be taken is in force, and told; what cannot waits, and is told; a mistake changes nothing.
func TestReload(t *testing.T) {
	r := newShop(t).opened()
	rate := func() int64 {
		if limit := r.uploader.Status().Limit; limit != nil {
			return limit.BytesPerSecond
		}
		return 0
	}
	r.reload(map[string]string{"upload.rate": `"256 KiB"`, "camera.cam-1.quality": "80", "log.level": `"warn"`})
	if rate() != 256<<10 || r.intake.ruling().Of("cam-1").Options.Quality != 80 || r.level.Level() != slog.LevelWarn {
		t.Errorf("rate %d, %+v, %v", rate(), r.intake.ruling().Of("cam-1"), r.level.Level())
	}
	if got := r.condition(); got != "" {
		t.Errorf("all is in use, and there is a condition: %s", got)
	}

	r.reload(map[string]string{"upload.rate": `"1 MiB"`, "queue.order": `"oldest-first"`, "capture.rescan": `"1m"`})
	if rate() != 1<<20 || r.intake.ruling().Of("cam-1").Options.Quality != 0 || r.level.Level() != slog.LevelInfo {
		t.Errorf("rate %d, %+v, %v", rate(), r.intake.ruling().Of("cam-1"), r.level.Level())
	}
	if got := r.condition(); got != "These wait for a restart: capture.rescan, queue.order" {
		t.Errorf("condition: %q", got)
	}
	for _, line := range []string{`upload.rate: \"256 KiB\" → \"1 MiB\"`, "wait for a restart", `queue.order: \"fresh-first\" → \"oldest-first\"`} {
		if !strings.Contains(r.log.String(), line) {
			t.Errorf("the log does not say %s:\n%s", line, r.log)
		}
	}

	r.Reload(func() (*config.Config, error) { return config.Parse("config.toml", []byte("[upload]\nrat = 1\n")) })
	if got := r.condition(); rate() != 1<<20 || got != `It is not in use: config.toml:2:1: upload.rat: there is no such key; did you mean "upload.rate"?` {
		t.Errorf("rate %d, condition %q", rate(), got)
	}
	r.Reload(func() (*config.Config, error) { return nil, errors.New("config.toml: there is no such file") })
	if got := r.condition(); got != "It is not in use: config.toml: there is no such file" {
		t.Errorf("condition %q", got)
	}

	r.reload(nil)
	if got := r.condition(); rate() != 0 || got != "" {
		t.Errorf("as it was: rate %d, condition %q", rate(), got)
	}
}

// TestAReloadIsAllOrNothing: one stage refuses, the first that is asked or the last, so that none has taken anything.
func TestAReloadIsAllOrNothing(t *testing.T) {
	r := newShop(t).opened()
	level := r.level
	late := withKeys(t, r.c, map[string]string{"log.level": `"debug"`, "upload.rate": `"1 MiB"`})
	late.Silence.Timezone = "Nowhere"
	r.Reload(func() (*config.Config, error) { return late, nil })
	if limit := r.uploader.Status().Limit; limit != nil || level.Level() != slog.LevelInfo || !strings.Contains(r.condition(), "silence.timezone") {
		t.Errorf("%+v, %v, %q", limit, level.Level(), r.condition())
	}
	r.level = nil
	r.reload(map[string]string{"log.level": `"debug"`, "upload.rate": `"1 MiB"`})
	if limit := r.uploader.Status().Limit; limit != nil || !strings.Contains(r.condition(), "log.level") {
		t.Errorf("%+v, %q", limit, r.condition())
	}
	r.level = level
	r.reload(map[string]string{"log.level": `"debug"`, "upload.rate": `"1 MiB"`})
	if limit := r.uploader.Status().Limit; limit == nil || r.level.Level() != slog.LevelDebug || r.condition() != "" {
		t.Errorf("%+v, %v, %q", limit, r.level.Level(), r.condition())
	}
}

// TestP5_AMaskHoldsFromTheReloadOn: the next frame is masked, and no picture from before is shown.
func TestP5_AMaskHoldsFromTheReloadOn(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	in.pictures = newPictures()
	s.write("a.jpg", noisy(t, 320, 240, 1, 60, 250))
	in.step(t.Context(), next())
	if in.pictures.jpeg("cam-1") == nil {
		t.Fatal("there is no picture to be forgotten")
	}
	leased(t, q)
	in.take(rulesWith(func(r *config.CameraRules) { r.Options.Masks = []frame.Mask{upperHalf()} }))
	if in.pictures.jpeg("cam-1") != nil {
		t.Error("a picture without the mask is still shown")
	}
	s.write("b.jpg", noisy(t, 320, 240, 2, 60, 250))
	in.step(t.Context(), next())
	if item, _ := leased(t, q); !strings.HasPrefix(item.Metadata["processing"], "masked") {
		t.Errorf("metadata %v", item.Metadata)
	}
}

// otherValues are values that differ from those of the shop's configuration, where adding to a number does not make one.
var otherValues = map[string]string{
	"state_dir": `"/other"`, "capture.dir": `"/other"`, "capture.rejected_dir": `"/other"`, "frame.formats": `["jpeg"]`,
	"frame.timezone": `"Asia/Tokyo"`, "frame.output": `"jpeg"`, "queue.dir": `"/other"`, "queue.order": `"oldest-first"`,
	"backend.url": `"https://other.example.com"`, "backend.ca": `"/other"`, "backend.certificate": `"/other"`, "backend.key": `"/other"`,
	"backend.token_file": `"/other"`, "upload.hosts": `["other.example.com"]`, "upload.ca": `"/other"`,
	"silence.timezone": `"Asia/Tokyo"`, "camera.cam-1.silence.after": `"2h"`, "upload.kms_key_arn": `"arn:aws:kms:eu-central-1:111122223333:key/1234abcd"`, "upload.timezone": `"Asia/Tokyo"`,
	"network.private_ranges": `["10.0.0.0/8"]`, "status.socket": `"/other"`, "status.listen": `""`, "status.pictures": `"never"`,
	"log.level": `"debug"`, "log.format": `"json"`,
	"upload.window":       `[{ from = "08:00", to = "20:00", rate = "pause" }]`,
	"camera.cam-1.masks":  `[{ for = "1:1", polygon = [[0, 0], [1, 0], [1, 1]] }]`,
	"camera.cam-1.output": `"jpeg"`, "capture.folders.Left": `"left"`,
	"camera.cam-1.judge.blown_out": "200",
}

// TestWhatIsTakenIsWhatIsSaid: a key that a taker claims changes what its stage is given, and no other key does. It
// goes through every key of the configuration, so that a new one has to be thought of here.
func TestWhatIsTakenIsWhatIsSaid(t *testing.T) {
	c := withKeys(t, newShop(t).configuration(), map[string]string{"development.allow_lab_token": "true"})
	keys := slices.Concat(strict.Settable(config.Config{}), []string{"upload.window", "capture.folders.Left"})
	for _, key := range strict.Settable(config.Camera{}) {
		keys = append(keys, "camera.cam-1."+key)
	}
	keys = append(keys, "camera.cam-1.masks")
	for _, key := range keys {
		if key == "schema" || key == "development.allow_loopback" || key == "development.allow_lab_token" { // other values contradict others
			continue
		}
		changed := withKeys(t, c, map[string]string{key: otherValueOf(t, c, key)})
		taken := takesLevel(key) || takesUpload(key) || takesFrame(key) || takesSilence(key)
		if differs := !reflect.DeepEqual(handedOut(t, c), handedOut(t, changed)); differs != taken {
			t.Errorf("%s is said to be taken: %v; what the stages are given changes: %v", key, taken, differs)
		}
	}
}

// handedOut is what all takers hand to their stages.
func handedOut(t *testing.T, c *config.Config) []any {
	t.Helper()
	upload, err := c.UploaderChanges()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := c.FrameRules()
	if err != nil {
		t.Fatal(err)
	}
	rules.Location = nil // takeFrame keeps the one in force
	silences, err := c.SilenceRules()
	if err != nil {
		t.Fatal(err)
	}
	return []any{upload, rules, silences, c.Log.Level}
}

func otherValueOf(t *testing.T, c *config.Config, key string) string {
	t.Helper()
	if other, ok := otherValues[key]; ok {
		return other
	}
	for _, v := range c.Values() {
		switch {
		case v.Key != key:
		case v.Text == "true":
			return "false"
		case v.Text == "false":
			return "true"
		case strings.HasSuffix(v.Text, `B"`) || v.Text == `"0"`:
			return `"64 MiB"`
		case strings.HasPrefix(v.Text, `"`):
			return `"2m"`
		case v.Text == "0":
			return "17"
		default:
			return v.Text[:len(v.Text)-1] + "1"
		}
	}
	if strings.HasPrefix(key, "camera.cam-1.") {
		return "17"
	}
	t.Fatalf("%s: another value is needed", key)
	return ""
}

// TestEachReloadIsSaid: a technician who tries until it is right reads of every try, of mistakes too.
func TestEachReloadIsSaid(t *testing.T) {
	r := newShop(t).opened()
	for range 2 * calmBurst {
		r.reload(map[string]string{"capture.rescan": `"1m"`})
		r.Reload(func() (*config.Config, error) { return nil, errors.New("a mistake") })
	}
	for _, words := range []string{"configuration reloaded", "wait for a restart\"", "was not reloaded"} {
		if got := strings.Count(r.log.String(), words); got != 2*calmBurst {
			t.Errorf("%q was said %d times:\n%s", words, got, r.log)
		}
	}
}

// TestReloadWhileItRuns is for the race detector: the stages work meanwhile.
func TestReloadWhileItRuns(t *testing.T) {
	s := newShop(t)
	r := s.opened()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for i := range 20 {
		s.write(strings.Repeat("a", i+1)+".jpg", picture(t, 64+i))
		r.reload(map[string]string{"upload.rate": `"256 KiB"`, "camera.cam-1.quality": "80", "upload.concurrency": "3"})
		r.reload(nil)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
