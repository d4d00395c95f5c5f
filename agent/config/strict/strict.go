package strict

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Document is a file that was decoded: it knows where each key stands, and collects what its reader finds
// wrong with the values.
type Document struct {
	file string
	text text
	// keys holds the offset of each key and table, by its dotted name; of a table that is named in several
	// places, the first.
	keys     map[string]int
	problems []Problem
}

// Decode reads a file's content into a struct; file is its name in problems. What the file does not name
// keeps its value. The error is an *Error; what into holds then is undefined.
func Decode(file string, raw []byte, into any) (*Document, error) {
	target := reflect.TypeOf(into)
	if target == nil || target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("strict: decoding needs a pointer to a struct, not %T", into))
	}
	d := &Document{file: file, text: newText(raw), keys: map[string]int{}}
	if len(raw) > MaxBytes {
		d.add(absent, "", ErrTooLarge.Error())
		return nil, d.Err()
	}
	if offset, reason := d.text.unreadable(); reason != "" {
		d.add(offset, "", reason)
		return nil, d.Err()
	}
	newWalker(d, target.Elem()).walk()
	if len(d.problems) == 0 {
		d.decode(into)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// decode fills the struct. What the walk has let through can still be refused here, such as a table that is
// defined in two ways.
func (d *Document) decode(into any) {
	err := toml.NewDecoder(bytes.NewReader(d.text.raw)).DisallowUnknownFields().Decode(into)
	var broken *toml.DecodeError
	switch {
	case errors.As(err, &broken):
		d.add(d.text.offset(broken.Position()), strings.Join(broken.Key(), "."), libraryWords(broken))
	case err != nil:
		d.add(absent, "", libraryWords(err))
	}
}

func libraryWords(err error) string { return strings.TrimPrefix(err.Error(), "toml: ") }

// Has tells whether the file names a key or table.
func (d *Document) Has(key string) bool {
	_, ok := d.keys[key]
	return ok
}

// Problem adds something that is wrong with a key: a whole sentence about it, without its name.
func (d *Document) Problem(key, format string, args ...any) {
	offset, ok := d.keys[key]
	if !ok {
		offset = absent
	}
	d.add(offset, key, fmt.Sprintf(format, args...))
}

// Err is nil, or an *Error with every problem so far.
func (d *Document) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	problems := slices.Clone(d.problems)
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(problems) > MaxProblems {
		problems = append(problems[:MaxProblems], Problem{File: d.file, Message: "there are more mistakes; mend these first"})
	}
	return &Error{problems}
}

// absent is the offset of what is not in the file.
const absent = -1

func (d *Document) add(offset int, key, message string) {
	p := Problem{File: d.file, Key: shorten(key, maxShownKey), Message: shorten(message, maxShownMessage)}
	if offset != absent {
		p.Line, p.Column = d.text.position(offset)
	}
	d.problems = append(d.problems, p)
}

func (d *Document) tooMany() bool { return len(d.problems) > MaxProblems }
