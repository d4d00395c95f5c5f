package strict

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// TestRename: a name is changed wherever a file may have it, and nowhere else.
func TestRename(t *testing.T) {
	names := map[string]string{"till.host": "address", "name": "shop"}
	for _, tc := range []struct{ story, was, is string }{
		{"in its table", "[till]\nhost = \"x\" # host\n", "[till]\naddress = \"x\" # host\n"},
		{"with dots", "till.host = \"till.host\"\n", "till.address = \"till.host\"\n"},
		{"in quotes", "[ till ]\n\"host\" = 'x'\n", "[ till ]\naddress = 'x'\n"},
		{"in an inline table", "till = { port = 1, host = \"x\" }\n", "till = { port = 1, address = \"x\" }\n"},
		{"two at once", "name = \"a\"\n[till]\nhost = \"b\"\n", "shop = \"a\"\n[till]\naddress = \"b\"\n"},
		{"of another table", "[camera]\nhost = \"x\"\nname = \"y\"\n", "[camera]\nhost = \"x\"\nname = \"y\"\n"},
		{"the table itself", "[till.host]\na = 1\n", "[till.host]\na = 1\n"},
		{"in a comment and a text", "# name = 1\nx = \"name = 1\"\n", "# name = 1\nx = \"name = 1\"\n"},
		{"before it breaks", "name = \"a\"\nname =\n", "shop = \"a\"\nname =\n"},
		{"nothing", "", "\n"},
	} {
		got, edits := Rename([]byte(tc.was), names)
		if string(got) != tc.is {
			t.Errorf("%s:\n%s\nwant\n%s", tc.story, got, tc.is)
		}
		for _, e := range edits {
			if !bytes.HasPrefix(got[e.Offset:], []byte(e.Is)) || !strings.Contains(strings.Split(tc.was, "\n")[e.Line-1], e.Was) {
				t.Errorf("%s: no such place: %+v", tc.story, e)
			}
		}
	}
}

// TestSetValue: one value is changed, and what stands around it is not.
func TestSetValue(t *testing.T) {
	for _, tc := range []struct{ story, was, is string }{
		{"a text", "[till]\nhost = \"a\" # b\n", "[till]\nhost = NEW # b\n"},
		{"a number", "till.host=1\nx = 2\n", "till.host=NEW\nx = 2\n"},
		{"a list over lines", "[till]\nhost = [\n  \"]\", # one\n  \"b\",\n]\nx = 1\n", "[till]\nhost = NEW\nx = 1\n"},
		{"an empty list", "[till]\nhost = [ ]\n", "[till]\nhost = NEW\n"},
		{"a list of lists, which is none of its business", "[till]\nhost = [[1]]\n", ""},
		{"a table", "[till]\nhost = { a = 1 }\n", ""},
		{"none", "[till]\nhosts = 1\n# host = 2\n", ""},
	} {
		got, ok := SetValue([]byte(tc.was), "till.host", "NEW")
		if want := tc.is; ok != (want != "") || ok && string(got) != want || !ok && string(got) != tc.was {
			t.Errorf("%s: %v\n%s", tc.story, ok, got)
		}
	}
}

// TestValuesAreReadAgain: what Values writes of every kind of field, Decode reads into the same struct.
func TestValuesAreReadAgain(t *testing.T) {
	port := 7
	want := struct {
		Name  string            `toml:"name"`
		Open  bool              `toml:"open"`
		Area  float64           `toml:"area"`
		Pause Duration          `toml:"pause"`
		Disk  Size              `toml:"disk"`
		Tags  []string          `toml:"tags"`
		Names map[string]string `toml:"names"`
		Till  struct {
			Port *int `toml:"port"`
			None *int `toml:"none"`
		} `toml:"till"`
		Cameras []camera `toml:"camera"`
	}{
		Name: "Mitte \"1\"\\ \n\t\x01\x7f<Käse>", Open: true, Area: 1e21, Pause: Duration(90 * 1e9), Disk: 3 << 30,
		Tags: []string{"a", "b,c"}, Names: map[string]string{"Left Aisle": "x", "a.b": "y", "": "z"},
		Cameras: []camera{{Host: "one", Mask: [][]float64{{0, 0.5}}}, {Host: "two", Ports: []int{1}}},
	}
	want.Till.Port = &port
	var file strings.Builder
	for _, v := range Values(want) {
		file.WriteString(v.Written + " = " + v.Text + "\n")
	}
	got := want
	got.Names, got.Cameras, got.Tags, got.Till.Port = nil, nil, nil, nil
	if _, err := Decode("f", []byte(file.String()), &got); err != nil {
		t.Fatalf("%v\n%s", err, file.String())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\n%s", got, want, file.String())
	}
}

// FuzzRename: what was TOML is TOML with the same values after it, under other names.
func FuzzRename(f *testing.F) {
	for _, seed := range []string{"", "name = 1", "[till]\nhost = 1", "till = {host = 1}", "\"name\" = '''\nname = 1\n'''", "[[till]]\nhost = 1", "\xef\xbb\xbfname = 1", "name.x = 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var before, after map[string]any
		if len(raw) > MaxBytes || toml.Unmarshal(newText(raw).raw, &before) != nil {
			return
		}
		there, back := map[string]string{"name": "name2", "till.host": "host2"}, map[string]string{"name2": "name", "till.host2": "host"}
		if bytes.Contains(raw, []byte("name2")) || bytes.Contains(raw, []byte("host2")) {
			return
		}
		changed, _ := Rename(raw, there)
		again, _ := Rename(changed, back)
		if err := toml.Unmarshal(again, &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Fatalf("%v\n%q\n%q\n%q", err, raw, changed, again)
		}
	})
}
