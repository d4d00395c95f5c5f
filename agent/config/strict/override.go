package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Override is a value that does not come from the file.
type Override struct {
	// From says in problems where it comes from: "environment variable X".
	From string
	// Key is one of Settable.
	Key string
	// Value is the text without quotes; of a list, the elements with commas between them.
	Value string
}

// override puts a value in the place of the file's.
func (d *Document) override(o Override, root reflect.Value) {
	field := root
	for _, name := range strings.Split(o.Key, ".") {
		f, ok := fieldNamed(field.Type(), name)
		if !ok {
			panic("strict: no key " + o.Key + " to override")
		}
		field = field.FieldByIndex(f.Index)
	}
	d.from[o.Key] = o.From
	if err := setText(field, o.Value); err != nil {
		d.addFrom(o.From, o.Key, err.Error())
	}
}

// setText reads a value as a person writes it where there are no quotes and brackets.
func setText(field reflect.Value, written string) error {
	of := field.Type()
	wrong := func() error { return fmt.Errorf("want %s, not %q", wanted(of), shorten(written, maxShownValue)) }
	switch {
	case isText(of):
		return field.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(written))
	case isList(of):
		return setList(field, written)
	case of.Kind() == reflect.String:
		field.SetString(written)
	case of.Kind() == reflect.Bool:
		if written != "true" && written != "false" {
			return wrong()
		}
		field.SetBool(written == "true")
	case isInteger(of):
		n, err := strconv.ParseInt(written, 10, 64)
		if err != nil || !fits(of, written) {
			return wrong()
		}
		field.Set(reflect.ValueOf(n).Convert(of))
	default:
		return wrong()
	}
	return nil
}

func setList(field reflect.Value, written string) error {
	list := reflect.MakeSlice(field.Type(), 0, 4)
	for _, part := range strings.Split(written, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		element := reflect.New(field.Type().Elem()).Elem()
		if err := setText(element, part); err != nil {
			return err
		}
		list = reflect.Append(list, element)
	}
	field.Set(list)
	return nil
}
