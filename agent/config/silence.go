package config

import (
	"fmt"
	"time"

	"shelfagent/agent/config/strict"
)

// Silence is from when on a camera of which nothing comes is said to be silent.
type Silence struct {
	After    strict.Duration `toml:"after"`
	Timezone string          `toml:"timezone"`
	Hours    []Hours         `toml:"hours"`
}

// CameraSilence is Silence for one camera; what is nil is as for all.
type CameraSilence struct {
	After *strict.Duration `toml:"after"`
	Hours []Hours          `toml:"hours"`
}

// Hours are a part of the week in which cameras film.
type Hours struct {
	From Clock `toml:"from"`
	To   Clock `toml:"to"`
	Days []Day `toml:"days"`
}

// SilenceRules say, camera by camera, what is too long.
type SilenceRules struct {
	// Location is whose clock the hours go by.
	Location *time.Location
	// Others is the rule of a camera that is not in Cameras.
	Others  SilenceRule
	Cameras map[string]SilenceRule
}

// SilenceRule is what is too long for one camera.
type SilenceRule struct {
	// After is how long no file may come; 0 is for ever.
	After time.Duration
	// Hours are those in which files are expected; none means always.
	Hours []Hours
}

// Of returns the rule of a camera.
func (r SilenceRules) Of(camera string) SilenceRule {
	if rule, ok := r.Cameras[camera]; ok {
		return rule
	}
	return r.Others
}

// SilenceRules translates [silence] and what [camera] has of it.
func (c *Config) SilenceRules() (SilenceRules, error) {
	location, err := time.LoadLocation(c.Silence.Timezone)
	if err != nil {
		return SilenceRules{}, fmt.Errorf("silence.timezone: %w", err)
	}
	rules := SilenceRules{
		Location: location, Others: SilenceRule{After: time.Duration(c.Silence.After), Hours: c.Silence.Hours},
		Cameras: map[string]SilenceRule{},
	}
	for id, camera := range c.Camera {
		rule := rules.Others
		if camera.Silence.After != nil {
			rule.After = time.Duration(*camera.Silence.After)
		}
		if camera.Silence.Hours != nil {
			rule.Hours = camera.Silence.Hours
		}
		rules.Cameras[id] = rule
	}
	return rules, nil
}

func (c *checker) silence(config *Config) {
	c.timezone("silence.timezone", config.Silence.Timezone)
	c.silentAfter("silence.after", config.Silence.After)
	c.hours("silence.hours", config.Silence.Hours)
	for id, camera := range config.Camera {
		if camera.Silence.After != nil {
			c.silentAfter("camera."+id+".silence.after", *camera.Silence.After)
		}
		c.hours("camera."+id+".silence.hours", camera.Silence.Hours)
	}
}

func (c *checker) silentAfter(key string, after strict.Duration) {
	if after != 0 {
		c.spans(key, after, time.Minute, 31*24*time.Hour)
	}
}

func (c *checker) hours(key string, hours []Hours) {
	for i, h := range hours {
		table := fmt.Sprintf("%s[%d]", key, i)
		for _, name := range []string{"from", "to"} {
			if !c.document.Has(table + "." + name) {
				c.wrong(table, "%s is needed: hours are as in from = \"07:00\", to = \"21:00\"", name)
				return
			}
		}
		switch {
		case h.From == h.To:
			c.wrong(table, "it ends when it begins; a whole day is from \"00:00\" to \"24:00\"")
		case c.document.Has(table+".days") && len(h.Days) == 0:
			c.wrong(table+".days", "names no day; without this line the hours are those of every day")
		}
	}
}
