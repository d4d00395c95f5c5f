package config

import (
	"fmt"

	"shelfagent/agent/config/strict"
)

// source is where a configuration was read.
type source struct {
	document *strict.Document
	file     string
	edits    []strict.Edit
}

// Value is a key, what is in force for it, and what has set it.
type Value struct {
	strict.Value
	// From is "default", the file and line, or "environment variable …".
	From string
	// Changed tells that it is not the default, whoever has set it.
	Changed bool
}

// byDefault is the From of a value that nobody has set.
const byDefault = "default"

// Values lists everything that is in force, in the order of the reference. None of it is a secret: keys and tokens are
// in files of their own, of which the configuration knows the names; a URL with a password is refused, and so is what
// stands in the place of a file's name and is none.
func (c *Config) Values() []Value {
	defaults := map[string]string{}
	for _, v := range strict.Values(Default()) {
		defaults[v.Key] = v.Text
	}
	var list []Value
	for _, v := range strict.Values(c) {
		list = append(list, Value{v, c.from(v.Key), defaults[v.Key] != v.Text})
	}
	return list
}

func (c *Config) from(key string) string {
	if c.source != nil {
		if from, ok := c.source.document.From(key); ok {
			return from
		}
	}
	return byDefault
}

// Notes says what a person should know of the file although nothing is wrong with it.
func (c *Config) Notes() []string {
	if c.source == nil {
		return nil
	}
	var notes []string
	for _, e := range c.source.edits {
		notes = append(notes, fmt.Sprintf("%s:%d: %s", c.source.file, e.Line, renamedNote(e)))
	}
	return notes
}

// renamedNote says that a key has another name now.
func renamedNote(e strict.Edit) string {
	return fmt.Sprintf("%s is called %s since schema %d of the configuration; it is read all the same. "+
		"`shelf-agent config migrate` shows the file in its present form", e.Key, e.Now(), SchemaVersion)
}
