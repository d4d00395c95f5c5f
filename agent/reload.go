package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"

	"shelfagent/agent/config"
	"shelfagent/agent/config/strict"
)

// inForce owns what is known of the configuration that the agent runs with: the one that it was opened with, and what
// Reload has taken of others since. The stages have their own options of it, and nobody else has any.
type inForce struct {
	mu     sync.Mutex
	values map[string]string // as TOML, by key
}

func (f *inForce) begin(c *config.Config) {
	f.values = map[string]string{}
	for _, v := range c.Values() {
		f.values[v.Key] = v.Text
	}
}

// change is a key that has another value in a configuration than in the one that is in force; "" is none.
type change struct{ key, from, to string }

func (c change) String() string { return fmt.Sprintf("%s: %s → %s", c.key, c.from, c.to) }

// changes lists them in the order of the file; keys that are gone come last. The caller holds mu.
func (f *inForce) changes(c *config.Config) []change {
	var list []change
	there := map[string]bool{}
	for _, v := range c.Values() {
		there[v.Key] = true
		if was := f.values[v.Key]; was != v.Text {
			list = append(list, change{v.Key, was, v.Text})
		}
	}
	var gone []change
	for key, was := range f.values {
		if !there[key] {
			gone = append(gone, change{key, was, ""})
		}
	}
	slices.SortFunc(gone, func(a, b change) int { return strings.Compare(a.key, b.key) })
	return append(list, gone...)
}

// took notes that a change is in force. The caller holds mu.
func (f *inForce) took(c change) {
	if f.values[c.key] = c.to; c.to == "" {
		delete(f.values, c.key)
	}
}

// taker is who can take some keys while the agent runs. What no taker takes waits for a restart.
type taker struct {
	takes func(key string) bool
	// prepare translates for the stage, and may refuse. What it returns puts all of the taker's keys in force and
	// cannot fail.
	prepare func(*config.Config) (put func(), err error)
}

// takers says which key goes to whom; what the stage can take is the stage's own to declare: slog.LevelVar,
// uploader.Changes, intake.take. Certificates are not here: the stages read them again by themselves.
func (a *Agent) takers() []taker {
	return []taker{
		{takesLevel, a.takeLevel},
		{takesUpload, a.takeUpload},
		{takesFrame, a.takeFrame},
		{takesSilence, a.takeSilence},
	}
}

func takesLevel(key string) bool { return key == "log.level" }

func (a *Agent) takeLevel(c *config.Config) (func(), error) {
	if a.level == nil {
		return nil, errors.New("log.level: this agent's log has no level that could be changed")
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	return func() { a.level.Set(level) }, nil
}

func takesUpload(key string) bool {
	return slices.Contains([]string{"upload.concurrency", "upload.rate", "upload.timezone", "upload.window"}, key)
}

func (a *Agent) takeUpload(c *config.Config) (func(), error) {
	changes, err := c.UploaderChanges()
	if err != nil {
		return nil, err
	}
	return a.uploader.Change(changes)
}

// takesFrame leaves out the time zone, which the page goes by, too.
func takesFrame(key string) bool {
	return strings.HasPrefix(key, "camera.") && !takesSilence(key) || strings.HasPrefix(key, "frame.") && key != "frame.timezone"
}

func (a *Agent) takeFrame(c *config.Config) (func(), error) {
	rules, err := c.FrameRules()
	if err != nil {
		return nil, err
	}
	rules.Location = a.intake.ruling().Location
	return func() { a.intake.take(rules) }, nil
}

// silenceKey is [silence], or what one camera has of it.
var silenceKey = regexp.MustCompile(`^(camera\..+\.)?silence\.`)

func takesSilence(key string) bool { return silenceKey.MatchString(key) }

func (a *Agent) takeSilence(c *config.Config) (func(), error) {
	rules, err := c.SilenceRules()
	if err != nil {
		return nil, err
	}
	return func() { a.silence.take(rules) }, nil
}

// Reload reads the configuration anew and puts in force what has changed and can be taken while the agent runs. A
// configuration with a mistake changes nothing. What is not in use is logged, and is a condition until another Reload
// finds everything in use.
func (a *Agent) Reload(read func() (*config.Config, error)) {
	a.inForce.mu.Lock()
	defer a.inForce.mu.Unlock()
	c, err := read()
	if err == nil {
		err = a.reload(c)
	}
	if err != nil {
		a.outspoken.Warn("the configuration was not reloaded; that from before stays in force", "error", err)
		a.notReloaded("It is not in use: " + firstOf(err))
	}
}

// reload is Reload of a configuration without a mistake. With an error nothing has changed. The caller holds inForce.mu.
func (a *Agent) reload(c *config.Config) error {
	changes := a.inForce.changes(c)
	var puts []func()
	var taken []change
	for _, t := range a.takers() {
		mine := slices.DeleteFunc(slices.Clone(changes), func(c change) bool { return !t.takes(c.key) })
		if len(mine) == 0 {
			continue
		}
		put, err := t.prepare(c)
		if err != nil {
			return err
		}
		puts, taken = append(puts, put), append(taken, mine...)
	}
	for _, put := range puts {
		put()
	}
	for _, c := range taken {
		a.inForce.took(c)
	}
	a.tellReloaded(c, taken)
	return nil
}

// tellReloaded says what is in force now, and what waits.
func (a *Agent) tellReloaded(c *config.Config, taken []change) {
	for _, note := range c.Notes() {
		a.outspoken.Warn(note)
	}
	a.outspoken.Info("configuration reloaded", "changed", texts(taken))
	waiting := a.inForce.changes(c)
	if len(waiting) == 0 {
		a.notReloaded("")
		return
	}
	a.outspoken.Warn("some changes of the configuration wait for a restart", "changed", texts(waiting))
	names := make([]string, len(waiting))
	for i, w := range waiting {
		names[i] = w.key
	}
	a.notReloaded("These wait for a restart: " + strings.Join(names, ", "))
}

func texts(changes []change) []string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = c.String()
	}
	return list
}

// firstOf is an error in one line: of many mistakes, the first.
func firstOf(err error) string {
	var mistakes *strict.Error
	if !errors.As(err, &mistakes) || len(mistakes.Problems) < 2 {
		return err.Error()
	}
	return fmt.Sprintf("%s (and %d more; `shelf-agent config check` lists all)", mistakes.Problems[0], len(mistakes.Problems)-1)
}
