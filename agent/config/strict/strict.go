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
	from     map[string]string // what an Override has set, by key: where it came from
	problems []Problem
}

// Input is what a struct is filled with. File is the name of Raw in problems.
type Input struct {
	File string
	Raw  []byte
	// Edits are what Rename has done to Raw, so that places are told as they are in the file itself.
	Edits []Edit
	// Overrides come after the file, and are held against the struct as strictly.
	Overrides []Override
	// Problems were found before, and are reported with the others.
	Problems []Problem
}

// Decode reads a file's content into a struct; file is its name in problems. What the file does not name
// keeps its value. The error is an *Error; what into holds then is undefined.
func Decode(file string, raw []byte, into any) (*Document, error) {
	return Input{File: file, Raw: raw}.Decode(into)
}

// Decode is the function Decode, with all of the input.
func (in Input) Decode(into any) (*Document, error) {
	target := reflect.TypeOf(into)
	if target == nil || target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("strict: decoding needs a pointer to a struct, not %T", into))
	}
	d := &Document{file: in.File, text: newText(in.Raw), keys: map[string]int{}, from: map[string]string{}, problems: in.Problems}
	d.text.edits = in.Edits
	if len(in.Raw) > MaxBytes {
		d.add(absent, "", ErrTooLarge.Error())
		return nil, d.Err()
	}
	if offset, reason := d.text.unreadable(); reason != "" {
		d.add(offset, "", reason)
		return nil, d.Err()
	}
	before := len(d.problems)
	newWalker(d, target.Elem()).walk()
	if len(d.problems) == before {
		d.decode(into)
	}
	for _, o := range in.Overrides {
		d.override(o, reflect.ValueOf(into).Elem())
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

// From says what set a key: an override's origin, or the file's name and the line. ok is false where neither did.
func (d *Document) From(key string) (from string, ok bool) {
	if from, ok := d.from[key]; ok {
		return from, true
	}
	offset, ok := d.keys[key]
	if !ok {
		return "", false
	}
	line, _ := d.text.position(offset)
	return fmt.Sprintf("%s:%d", d.file, line), true
}

// Problem adds something that is wrong with a key: a whole sentence about it, without its name. Where the key is
// absent, the place is that of its table.
func (d *Document) Problem(key, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if from, ok := d.from[key]; ok {
		d.addFrom(from, key, message)
		return
	}
	d.add(d.offsetOf(key), key, message)
}

func (d *Document) offsetOf(key string) int {
	for {
		if offset, ok := d.keys[key]; ok {
			return offset
		}
		if key, _ = split(key); key == "" {
			return absent
		}
	}
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

// addFrom adds a problem with what does not stand in the file.
func (d *Document) addFrom(from, key, message string) {
	d.problems = append(d.problems, Problem{File: from, Key: shorten(key, maxShownKey), Message: shorten(message, maxShownMessage)})
}

func (d *Document) tooMany() bool { return len(d.problems) > MaxProblems }
