package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Problem is one mistake in the file.
type Problem struct {
	File string
	// Line and Column count from 1; 0 when the mistake is that something is absent.
	Line, Column int
	// Key is the dotted key, "" when the file is not TOML.
	Key     string
	Message string
}

func (p Problem) String() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	if p.Key == "" {
		return where + ": " + p.Message
	}
	return where + ": " + p.Key + ": " + p.Message
}

// Error holds every mistake in one file, in the order of the lines.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads and checks a file. An error that is about its content is an *Error.
func Load(file string) (*Config, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(file, raw)
}

// Parse checks the content of a file; file is its name in errors.
func Parse(file string, raw []byte) (*Config, error) {
	config := Default()
	decoder := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields()
	var unknown *toml.StrictMissingError
	var broken *toml.DecodeError
	err := decoder.Decode(&config)
	switch {
	case errors.As(err, &unknown):
		return nil, &Error{unknownKeys(file, unknown)}
	case errors.As(err, &broken):
		line, column := broken.Position()
		message := strings.TrimPrefix(broken.Error(), "toml: ")
		return nil, &Error{[]Problem{{file, line, column, strings.Join(broken.Key(), "."), message}}}
	case err != nil:
		return nil, &Error{[]Problem{{File: file, Message: strings.TrimPrefix(err.Error(), "toml: ")}}}
	}
	c := checker{file: file, positions: locate(raw)}
	c.check(&config)
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &Error{c.problems}
	}
	return &config, nil
}

func unknownKeys(file string, e *toml.StrictMissingError) []Problem {
	var problems []Problem
	for _, missing := range e.Errors {
		line, column := missing.Position()
		key := missing.Key()
		message := "there is no such key"
		if near := nearest(key); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		problems = append(problems, Problem{file, line, column, strings.Join(key, "."), message})
	}
	return problems
}
