package config

import (
	"fmt"

	"shelfagent/agent/config/strict"
)

// Load reads and checks a file, and what the environment sets over it, in the form of os.Environ. Its error is a
// *strict.Error when the content is wrong, and wraps a *strict.ReadError when there is none.
func Load(file string, environment []string) (*Config, error) {
	raw, err := strict.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return ParseWith(file, raw, environment)
}

// Parse checks the content of a file; file is its name in errors.
func Parse(file string, raw []byte) (*Config, error) { return ParseWith(file, raw, nil) }

// ParseWith is Load of a file's content.
func ParseWith(file string, raw []byte, environment []string) (*Config, error) {
	config := Default()
	present, edits := Migrate(raw)
	input := strict.Input{File: file, Raw: present, Edits: edits}
	input.Overrides, input.Problems = overrides(environment)
	document, err := input.Decode(&config)
	if err != nil {
		return nil, err
	}
	c := checker{document}
	c.check(&config)
	if err := document.Err(); err != nil {
		return nil, err
	}
	config.Schema = SchemaVersion
	config.credentials = credentials(environment)
	config.source = &source{document: document, file: file, edits: edits}
	return &config, nil
}
