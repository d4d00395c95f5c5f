package strict

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxProblems is how many mistakes are reported; a file with more is probably another file.
const MaxProblems = 50

// The longest that is shown of a key, a value and a message, in letters: a file can hold a text of a megabyte.
const (
	maxShownKey     = 100
	maxShownValue   = 60
	maxShownMessage = 500
)

// Problem is one mistake in a file.
type Problem struct {
	File string
	// Line and Column count from 1, in letters; 0 when the mistake is that something is absent.
	Line, Column int
	// Key is the dotted key, "" when the file is not TOML. Tables in a list count from 0: "camera[0].mask".
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
	return where + ": " + printable(p.Key) + ": " + p.Message
}

// Error holds the mistakes in one file, in the order of the lines.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// printable keeps a problem on one line, and control characters off the terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
