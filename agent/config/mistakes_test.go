package config

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shelfagent/agent/config/strict"
)

// mistake is a file, and what a technician reads of it.
type mistake struct {
	story string
	file  string
	want  []string // how the lines begin
}

// TestMistakes reads the words that a technician would read.
func TestMistakes(t *testing.T) {
	for _, tc := range slices.Concat(mistakes(), cameraMistakes(), otherMistakes()) {
		t.Run(tc.story, func(t *testing.T) { wantMistakes(t, tc.file, nil, tc.want) })
	}
}

func wantMistakes(t *testing.T, file string, environment, want []string) {
	t.Helper()
	lines := read(t, file, environment)
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(lines), len(want), strings.Join(lines, "\n"))
	}
	for i, want := range want {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("got  %s\nwant %s", lines[i], want)
		}
	}
}

func read(t *testing.T, file string, environment []string) []string {
	t.Helper()
	_, err := ParseWith("config.toml", []byte(file), environment)
	var mistakes *strict.Error
	if !errors.As(err, &mistakes) {
		t.Fatalf("got %v", err)
	}
	return strings.Split(err.Error(), "\n")
}

// otherMistakes are those that no story above has led to.
func otherMistakes() []mistake {
	with := func(table, line string) string { return minimal + "[" + table + "]\n" + line + "\n" }
	return []mistake{
		{"a table without its key", "[capture]\n[backend]\nurl = \"https://t.example.com\"\n[upload]\nhosts = []\n", []string{
			`config.toml:1:2: capture.dir: is needed: an absolute path`,
			`config.toml:5:1: upload.hosts: is needed: the host names of the bucket, as in ["`,
		}},
		{"a span that is too short", strings.Replace(minimal, "[backend]", "rescan = \"1ms\"\n[backend]", 1), []string{
			`config.toml:4:1: capture.rescan: 1ms is not between 1s and 1h0m0s`,
		}},
		{"hours without an end", with("silence", "hours = [{ from = \"07:00\" }]"), []string{
			`config.toml:9:9: silence.hours[0]: to is needed: hours are as in from = "07:00", to = "21:00"`,
		}},
		{"hours on no day", with("silence", "hours = [{ from = \"07:00\", to = \"21:00\", days = [] }]"), []string{
			`config.toml:9:42: silence.hours[0].days: names no day; without this line the hours are those of every day`,
		}},
		{"no formats", with("frame", "formats = []"), []string{
			`config.toml:9:1: frame.formats: no format is allowed, so every frame would be rejected`,
		}},
		{"too many masks", minimal + strings.Repeat("[[camera.till.masks]]\nfor = \"1:1\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n", 33), []string{
			`config.toml:8:3: camera.till.masks: 33 masks, at most 32`,
		}},
		{"too many corners", with("[camera.till.masks]", "for = \"1:1\"\npolygon = ["+strings.Repeat("[0, 0], ", 101)+"]"), []string{
			`config.toml:10:1: camera.till.masks[0].polygon: 101 corners, at most 100`,
		}},
		{"a camera that is none", with(`camera."-"`, ""), []string{
			`config.toml:8:2: camera.-: "-" is not a camera id: small letters, digits and . _ -, at most 63, beginning with a letter or digit`,
		}},
		{"an upload rate at which nothing arrives", minimal + "rate = 100\n", []string{
			`config.toml:8:1: upload.rate: 100 bytes a second would take an hour for one frame; at least "1 KiB", or 0 for no limit`,
		}},
		{"a window's rate in words", minimal + "[[upload.window]]\nfrom = \"22:00\"\nto = \"22:00\"\nrate = \"slow\"\n", []string{
			`config.toml:11:8: upload.window[0].rate: "slow" is not a rate; write it as in "256 KiB", "0" for no limit, or "pause"`,
		}},
		{"a window that ends when it begins", minimal + "[[upload.window]]\nfrom = \"22:00\"\nto = \"22:00\"\nrate = \"0\"\n", []string{
			`config.toml:8:3: upload.window[0]: it ends when it begins; a whole day is from "00:00" to "24:00"`,
		}},
		{"a URL that is none", strings.Replace(minimal, "https://tickets.example.com", "tickets", 1), []string{
			`config.toml:5:1: backend.url: "tickets" is not a plain URL; write it as in "https://tickets.example.com"`,
		}},
		{"a host that is none", strings.Replace(minimal, "frames.s3", "Frames s3", 1), []string{
			`config.toml:7:1: upload.hosts: "Frames s3.eu-central-1.amazonaws.com" is not a host name in small letters, without https://`,
		}},
		{"a bucket that is none", strings.Replace(minimal, `amazonaws.com"`, `amazonaws.com/a.b"`, 1), []string{
			`config.toml:7:1: upload.hosts: "frames.s3.eu-central-1.amazonaws.com/a.b": "a.b" is not a bucket name without dots`,
		}},
		{"the name of the last schema, in a file of this one", "schema = 2\n" + strings.Replace(minimal, "[backend]", "rejected = \"/r\"\n[backend]", 1), []string{
			`config.toml:5:1: capture.rejected: there is no such key; did you mean "capture.rejected_dir"?`,
		}},
		{"a schema that is none", "schema = 0\n" + minimal, []string{`config.toml:1:1: schema: 0 is not a version from 1 to 2`}},
		{"a schema in quotes", "schema = \"1\"\n" + minimal, []string{`config.toml:1:10: schema: want a whole number without quotes, not "1"`}},
	}
}

// TestASecretInTheWrongPlaceIsNotShown: what a person pastes where a file's name belongs does not come out again.
func TestASecretInTheWrongPlaceIsNotShown(t *testing.T) {
	const secret = "s3cr3t-t0ken"
	for _, tc := range []struct {
		file string
		want string
	}{
		{strings.Replace(minimal, "https://", "https://ana:"+secret+"@", 1),
			`config.toml:5:1: backend.url: a user name or password in the URL is not used; the rig is known by its certificate`},
		{strings.Replace(minimal, "https://", "http://ana:"+secret+"@", 1), `config.toml:5:1: backend.url: a user name or password`},
		{strings.Replace(minimal, "https://", "https://"+secret+"@%zz", 1), `config.toml:5:1: backend.url: a user name or password`},
		{strings.Replace(minimal, "[upload]", "token_file = \""+secret+"\"\n[upload]\n", 1) + "[development]\nallow_lab_token = true\n",
			`config.toml:6:1: backend.token_file: what is written here is not an absolute path; write the name of the file, not what it holds`},
		{strings.Replace(minimal, "[upload]", "key = \""+secret+"\"\n[upload]\n", 1), `config.toml:6:1: backend.key: what is written here`},
		{minimal + "token = \"" + secret + "\"\n", `config.toml:8:1: upload.token: there is no such key`},
	} {
		lines := read(t, tc.file, nil)
		if all := strings.Join(lines, "\n"); !strings.HasPrefix(all, tc.want) || strings.Contains(all, secret) {
			t.Errorf("%s", all)
		}
	}
}

// TestEveryMessageIsRead: each sentence that this package can say of a value is in one of the tables above, where
// somebody has read it.
func TestEveryMessageIsRead(t *testing.T) {
	var said []string
	for _, tc := range slices.Concat(mistakes(), cameraMistakes(), otherMistakes()) {
		said = append(said, read(t, tc.file, nil)...)
	}
	for _, e := range []string{"SHELF_AGENT_CAMERA=x", "SHELF_AGENT_UPLOAD_RAET=x", "SHELF_AGENT_=x"} {
		said = append(said, read(t, minimal, []string{e})...)
	}
	said = append(said, read(t, strings.Replace(minimal, "https://", "https://a@", 1), nil)...)
	said = append(said, read(t, strings.Replace(minimal, "[upload]", "key = \"x\"\n[upload]\n", 1), nil)...)
	all := strings.Join(said, "\n")
	formats := sentences(t)
	if len(formats) < 40 {
		t.Fatalf("only %d sentences were found; does the test still know where they are?", len(formats))
	}
	for place, format := range formats {
		if !format.MatchString(all) {
			t.Errorf("%s: nobody has read this: %s", place, format)
		}
	}
}

// unreachable are sentences of translations that check has made sure of: they name a mistake of ours.
var unreachable = regexp.MustCompile(`%w|is no shape"?$|a corner of|holds no PEM`)

// sentences are the formats in this package's sources, as patterns, by their places.
func sentences(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*regexp.Regexp{}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if format, ok := formatOf(call); ok && !unreachable.MatchString(format) {
				found[set.Position(call.Pos()).String()] = pattern(format)
			}
			return true
		})
	}
	return found
}

// formatOf is the literal format of a call of wrong or fmt.Errorf.
func formatOf(call *ast.CallExpr) (string, bool) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	at := map[string]int{"wrong": 1, "Errorf": 0}
	i, known := at[selector.Sel.Name]
	if !known || len(call.Args) <= i {
		return "", false
	}
	return literal(call.Args[i])
}

func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, ok2 := literal(e.Y)
		return left + right, ok && ok2
	}
	return "", false
}

var verb = regexp.MustCompile(`%[.0-9]*[a-z]`)

func pattern(format string) *regexp.Regexp {
	parts := verb.Split(strings.ReplaceAll(format, "%%", "%"), -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("(?m)" + strings.Join(parts, ".*") + "$")
}
