package strict

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// shop has a field of every kind that a file can fill.
type shop struct {
	Name    string            `toml:"name"`
	Open    bool              `toml:"open"`
	Shelves int               `toml:"shelves"`
	Doors   int8              `toml:"doors"`
	Lamps   uint16            `toml:"lamps"`
	Area    float64           `toml:"area"`
	Pause   Duration          `toml:"pause"`
	Disk    Size              `toml:"disk"`
	Tags    []string          `toml:"tags"`
	Sizes   []int             `toml:"sizes"`
	Names   map[string]string `toml:"names"`
	Since   time.Time         `toml:"since"`
	Any     any               `toml:"any"`
	Till    struct {
		Host string `toml:"host"`
		Port *int   `toml:"port"`
	} `toml:"till"`
	Cameras []camera `toml:"camera"`
	hidden  string   //nolint:unused // what cannot be set is no key
	Private string   `toml:"-"`
}

type camera struct {
	Host  string      `toml:"host"`
	Mask  [][]float64 `toml:"mask"`
	Ports []int       `toml:"ports"`
	Lens  struct {
		Width int `toml:"width"`
	} `toml:"lens"`
}

func TestEveryKindIsDecoded(t *testing.T) {
	file := "\xef\xbb\xbf" + `
name = "Mitte"
open = true
shelves = 1_000
doors = -1
lamps = 0xff
area = 12
pause = "7d"
disk = 4096
tags = ["a", 'b']
sizes = [1, 2]
since = 2026-11-22T01:18:03Z
any = {anything = [1, "goes"]}
till.host = "till"
[names]
"Left Aisle" = "left"

[[camera]]
host = "one"
mask = [[0, 0.5], [1, 1]]
[[camera]]
host = "two"
[camera.lens]
width = 7
`
	var got shop
	document, err := Decode("shop.toml", []byte(file), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := shop{
		Name: "Mitte", Open: true, Shelves: 1000, Doors: -1, Lamps: 255, Area: 12, Pause: Duration(7 * 24 * time.Hour),
		Disk: 4096, Tags: []string{"a", "b"}, Sizes: []int{1, 2}, Names: map[string]string{"Left Aisle": "left"},
		Since: time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC), Any: map[string]any{"anything": []any{int64(1), "goes"}},
		Cameras: []camera{{Host: "one", Mask: [][]float64{{0, 0.5}, {1, 1}}}, {Host: "two"}},
	}
	want.Till.Host, want.Cameras[1].Lens.Width = "till", 7
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for key, line := range map[string]int{"name": 2, "till.host": 14, "names.Left Aisle": 16, "camera[1].host": 22, "camera[1].lens.width": 24} {
		document.Problem(key, "is here")
		if problems := document.problems; problems[len(problems)-1].Line != line {
			t.Errorf("%v, want line %d", problems[len(problems)-1], line)
		}
	}
}

// TestMistakes reads what a person would read, one file a row.
func TestMistakes(t *testing.T) {
	for _, tc := range []struct {
		story, file string
		want        []string
	}{
		{"a text where a number belongs", `shelves = "7"`, []string{`f:1:11: shelves: want a whole number without quotes, not "7"`}},
		{"a fraction where a whole number belongs", `shelves = 1.5`, []string{`f:1:11: shelves: want a whole number, not 1.5`}},
		{"a number where a text belongs", `name = 7`, []string{`f:1:8: name: want a text in quotes, not 7`}},
		{"a date where a text belongs", `name = 2026-11-22`, []string{`f:1:8: name: want a text in quotes, not 2026-11-22`}},
		{"a list where a text belongs", `name = ["a"]`, []string{`f:1:8: name: want a text in quotes, not a list`}},
		{"a table where a text belongs", `name = {a = 1}`, []string{`f:1:8: name: want a text in quotes, not a table`}},
		{"a heading where a text belongs", "[name]\na = 1", []string{`f:1:2: name: want a text in quotes, not a table`}},
		{"a dotted key through a text", "name.first = 1", []string{`f:1:1: name: want a text in quotes, not a table`}},
		{"a number where a switch belongs", `open = 1`, []string{`f:1:8: open: want true or false, not 1`}},
		{"a text where a switch belongs", `open = "true"`, []string{`f:1:8: open: want true or false without quotes, not "true"`}},
		{"a text where a list belongs", `tags = "a"`, []string{`f:1:8: tags: want a list of texts, such as ["…", "…"], not "a"`}},
		{"numbers where texts belong", "tags = [\"a\",\n  5, true]", []string{
			`f:2:3: tags: want a text in quotes, not 5`, `f:2:6: tags: want a text in quotes, not true`,
		}},
		{"a text where numbers belong", `sizes = "1"`, []string{`f:1:9: sizes: want a list, each a whole number, not "1"`}},
		{"a text where a fraction belongs", `area = "big"`, []string{`f:1:8: area: want a number without quotes, not "big"`}},
		{"a value where a table belongs", `till = "till"`, []string{`f:1:8: till: want a table, not "till"`}},
		{"a value where a list of tables belongs", `camera = 1`, []string{`f:1:10: camera: want a list of tables, not 1`}},
		{"one table where a list of tables belongs", "[camera]\nhost = \"x\"\nnonsense = 1", []string{`f:3:1: camera[0].nonsense: there is no such key`}},
		{"a list of tables where one belongs", "[[till]]\nhost = \"x\"", []string{
			`f:1:3: till: want a table, not a list of tables; write single brackets around a table's name`,
		}},
		{"a bare number for a time span", `pause = 60`, []string{
			`f:1:9: pause: want a time span in quotes, such as "30s", "5m", "12h" or "7d", not 60`,
		}},
		{"a time span that is none", `pause = "1 hour"`, []string{`f:1:9: pause: "1 hour" is not a time span; write it as in "30s", "5m", "12h" or "7d"`}},
		{"a size that is none", `disk = "much"`, []string{`f:1:8: disk: "much" is not a size; write it as in "512 MiB" or "20 GB"`}},
		{"a size beyond all numbers", `disk = 99999999999999999999`, []string{
			`f:1:8: disk: want a size in quotes, such as "512 MiB" or "20 GB", or a number of bytes, not 99999999999999999999`,
		}},
		{"a number that does not fit", "doors = 128\nlamps = -1\nshelves = 99999999999999999999", []string{
			`f:1:9: doors: 128 is too large, or negative`, `f:2:9: lamps: -1 is too large, or negative`,
			`f:3:11: shelves: 99999999999999999999 is too large, or negative`,
		}},
		{"a wrong value deep in a list of tables", "[[camera]]\n[[camera]]\nmask = [[0, \"x\"]]\n[camera.lens]\nwidth = \"wide\"", []string{
			`f:3:13: camera[1].mask: want a number without quotes, not "x"`,
			`f:5:9: camera[1].lens.width: want a whole number without quotes, not "wide"`,
		}},
		{"an inline table", "till = {host = 1, prt = 2}", []string{
			`f:1:16: till.host: want a text in quotes, not 1`, `f:1:19: till.prt: there is no such key; did you mean "till.port"?`,
		}},
		{"a wrong pointer", "till.port = \"x\"", []string{`f:1:13: till.port: want a whole number without quotes, not "x"`}},
		{"a capital letter", `Name = "x"`, []string{`f:1:1: Name: there is no such key; did you mean "name"?`}},
		{"a field that is not for the file", `hidden = "x"`, []string{`f:1:1: hidden: there is no such key`}},
		{"another field that is not for the file", `Private = "x"`, []string{`f:1:1: Private: there is no such key`}},
		{"an unknown table is one mistake", "[entirely.foreign]\na = 1\nb = 2\n[till]\nhst = 1", []string{
			`f:1:2: entirely.foreign: there is no such key`, `f:5:1: till.hst: there is no such key; did you mean "till.host"?`,
		}},
		{"the right key in the wrong table", "[till]\nshelves = 1", []string{`f:2:1: till.shelves: there is no such key; did you mean "shelves"?`}},
		{"a key of a table's list, in no table", "width = 1", []string{`f:1:1: width: there is no such key; did you mean "camera.lens.width"?`}},
		{"a key twice", "name = \"a\"\nopen = true\nname = \"b\"", []string{`f:3:1: name: is set twice; the first is in line 1`}},
		{"a key twice, once dotted", "till.host = \"a\"\n[till]\nhost = \"b\"", []string{`f:3:1: till.host: is set twice; the first is in line 1`}},
		{"a key twice in an inline table", "till = {host = \"a\", host = \"b\"}", []string{`f:1:21: till.host: is set twice; the first is in line 1`}},
		{"a table twice", "[till]\n[names]\n[till]", []string{`f:3:2: till: this table is there twice; the first is in line 1`}},
		{"a table after its dotted keys", "till.host = \"a\"\n[till]\nport = 1", []string{`f:2:2: till: table till already exists as defined by a dotted key`}},
		{"two different keys that look alike", "[names]\n\"a.b\" = \"x\"\n\"a\" = \"y\"", nil},
		{"two more, deeper", "[any]\n\"a.b\" = 1\na.b = 2", nil},
		{"a slip, though another table has a key of that name", "[till]\nports = 1", []string{
			`f:2:1: till.ports: there is no such key; did you mean "till.port"?`,
		}},
		{"no closing quote", "name = \"x\nopen = true", []string{`f:1:10: is the closing quote missing? (basic strings cannot have new lines)`}},
		{"no closing quote at the end", "name = 'x", []string{`f:1:10: is the closing quote missing? (literal strings cannot have new lines)`}},
		{"no value", "name =\nopen = true", []string{`f:1:7: the value is missing after =`}},
		{"no value but a comment", "name = # later", []string{`f:1:8: the value is missing after =`}},
		{"no quotes", "name = Mitte", []string{`f:1:8: Mitte is no value: a text needs quotes, as in "…"; a number has digits only; true and false are in small letters`}},
		{"a Windows path", `name = "C:\cameras"`, []string{`f:1:11: invalid escape character U+0063 'c'; in "…" a backslash has a meaning of its own: write Windows paths in '…'`}},
		{"no closing bracket", "[till\nhost = 1", []string{`f:1:6: expected ']' to close table name`}},
		{"no equals sign", "name \"x\"", []string{`f:1:6: expected '=' after key`}},
		{"mistakes before the file breaks off", "nam = \"x\"\nopen = 7\nname =", []string{
			`f:1:1: nam: there is no such key; did you mean "name"?`, `f:2:8: open: want true or false, not 7`,
			`f:3:7: the value is missing after =`,
		}},
		{"columns count letters", "names = {\"Käse\" = \"x\", b = 5}", []string{`f:1:28: names.b: want a text in quotes, not 5`}},
		{"a line break in a key", "\"a\\nb\" = 1", []string{`f:1:1: "a\nb": there is no such key`}},
		{"a zero byte", "name = \"a\x00b\"", []string{
			`f:1:10: there is a zero byte, so this is no text, or it was damaged by a power cut; restore it from a copy`,
		}},
		{"another alphabet", "# x\nname = \"K\xe4se\"", []string{`f:2:10: there is a byte that is not UTF-8; save the file as UTF-8`}},
		{"what PowerShell writes", "\xff\xfen\x00", []string{`f: the file is UTF-16, as PowerShell's > writes it; save it as UTF-8`}},
		{"a film instead of a file", strings.Repeat("#", MaxBytes+1), []string{`f: is larger than 1024 KiB, so it is no configuration file`}},
		{"an empty file", "", nil},
		{"comments alone", "# nothing\n\n", nil},
	} {
		t.Run(tc.story, func(t *testing.T) {
			got := []string{}
			_, err := Decode("f", []byte(tc.file), &shop{})
			var mistakes *Error
			if errors.As(err, &mistakes) {
				got = strings.Split(err.Error(), "\n")
			} else if err != nil {
				t.Fatalf("%T", err)
			}
			if len(got) != len(tc.want) || len(got) > 0 && !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func TestReportsAreBounded(t *testing.T) {
	var file strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&file, "x%d = %q\n", i, strings.Repeat("y", 50))
	}
	_, err := Decode("f", []byte(file.String()), &shop{})
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != MaxProblems+1 || lines[MaxProblems] != "f: there are more mistakes; mend these first" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	long := strings.Repeat("z", MaxBytes/2)
	_, err = Decode("f", []byte(long+" = 1\nname = 7\npause = \""+long[:1000]+"\""), &shop{})
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 3 || len(err.Error()) > 1000 {
		t.Errorf("%d lines, %d bytes", len(lines), len(err.Error()))
	}
}

func TestTheCallersRulesAreReportedInTheSameForm(t *testing.T) {
	document, err := Decode("f", []byte("open = true\nname = \"x\"\n"), &shop{})
	if err != nil || document.Err() != nil {
		t.Fatal(err, document.Err())
	}
	document.Problem("name", "%q is too short", "x")
	document.Problem("shelves", "is needed")
	document.Problem("open", "is not so")
	want := "f: shelves: is needed\nf:1:1: open: is not so\nf:2:1: name: \"x\" is too short"
	if got := document.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !document.Has("open") || document.Has("shelves") {
		t.Error("Has does not know the file")
	}
}

func TestKeys(t *testing.T) {
	want := "name open shelves doors lamps area pause disk tags sizes names since any till till.host till.port " +
		"camera camera.host camera.mask camera.ports camera.lens camera.lens.width"
	if got := strings.Join(Keys(&shop{}), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, make([]byte, size), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tc := range []struct {
		file, says string
		is         error
	}{
		{filepath.Join(dir, "absent"), "absent: there is no such file", fs.ErrNotExist},
		{dir, filepath.Base(dir) + " is a folder; name a file in it", ErrFolder},
		{write("huge", MaxBytes+1, 0o600), "huge is larger than 1024 KiB", ErrTooLarge},
		{write("locked", 1, 0), "locked: this user may not read it", fs.ErrPermission},
		{write("largest", MaxBytes, 0o600), "", nil},
		{write("empty", 0, 0o600), "", nil},
	} {
		if errors.Is(tc.is, fs.ErrPermission) && (runtime.GOOS == "windows" || os.Geteuid() == 0) {
			continue // who reads everything cannot be refused; the next test says the words
		}
		_, err := ReadFile(tc.file)
		if !errors.Is(err, tc.is) || tc.is != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", tc.file, err, tc.says)
		}
	}
}

func TestReadErrorsAreInPlainWords(t *testing.T) {
	for want, err := range map[string]error{
		"f: this user may not read it": &fs.PathError{Op: "open", Path: "f", Err: fs.ErrPermission},
		"f: bad sector":                &fs.PathError{Op: "read", Path: "f", Err: errors.New("bad sector")},
		"f: odd":                       errors.New("odd"),
	} {
		if got := (&ReadError{"f", err}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzDecode: whatever the file, there is an answer; what is refused has a place in the file; what is accepted
// is TOML and holds what the library reads.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "name = \"x\"", "pause = 60\ndisk = 5", "[till]\nhost = \"a\"\n[till]", "[[camera]]\nmask = [[1]]\n[camera.lens]\nwidth = 1",
		"till = {host = 1}", "names = {\"a.b\" = \"x\"}", "name = \"x", "a.b.c = 1", "any = [{}, {a = 1}]\nsince = 2026-11-22", "x = '''\n'''",
		"\xef\xbb\xbfname = 1", "camera = [{host = \"x\"}, {}]", "name = \"C:\\x\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got shop
		_, err := Decode("f", raw, &got)
		if err == nil {
			var want shop
			if err := toml.Unmarshal(newText(raw).raw, &want); err != nil {
				t.Fatalf("accepted, but %v", err)
			}
			return
		}
		var mistakes *Error
		if !errors.As(err, &mistakes) || len(mistakes.Problems) == 0 {
			t.Fatalf("%T", err)
		}
		lines := strings.Split(string(raw), "\n")
		for _, p := range mistakes.Problems {
			if p.Message == "" || p.Line < 0 || p.Line > len(lines) || p.Line > 0 && (p.Column < 1 || p.Column > len(lines[p.Line-1])+1) {
				t.Errorf("no such place: %+v", p)
			}
			if strings.Contains(p.String(), "\n") {
				t.Errorf("more than a line: %q", p)
			}
		}
	})
}
