package config

import (
	"fmt"

	"shelfagent/agent/config/strict"
)

// Load reads and checks a file. Its error is a *strict.Error when the content is wrong, and wraps a
// *strict.ReadError when there is none.
func Load(file string) (*Config, error) {
	raw, err := strict.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(file, raw)
}

// Parse checks the content of a file; file is its name in errors.
func Parse(file string, raw []byte) (*Config, error) {
	config := Default()
	document, err := strict.Decode(file, raw, &config)
	if err != nil {
		return nil, err
	}
	c := checker{document}
	c.check(&config)
	if err := document.Err(); err != nil {
		return nil, err
	}
	return &config, nil
}
