package config

import (
	"slices"
	"strings"
	"testing"
)

// first is a file of schema 1.
const first = `# ours
schema = 1 # the first
[capture]
dir = "/srv/cameras"
  rejected = "/data/rejected" # by hand
[backend]
url = "https://tickets.example.com"
[upload]
hosts = ["frames.s3.eu-central-1.amazonaws.com"]
`

// TestAnOlderFileIsRead: with a note, and without a change of the file.
func TestAnOlderFileIsRead(t *testing.T) {
	for story, file := range map[string]string{
		"that says so":             first,
		"that does not say":        strings.Replace(first, "schema = 1 # the first", "", 1),
		"in an inline table":       "# 1\n# 2\n# 3\n# 4\ncapture = { dir = \"/srv/cameras\", rejected = \"/data/rejected\" }\n" + first[strings.Index(first, "[backend]"):],
		"with a dotted key":        "# 1\n# 2\n# 3\n# 4\ncapture.\"rejected\" = \"/data/rejected\"\ncapture.dir = \"/srv/cameras\"\n" + first[strings.Index(first, "[backend]"):],
		"of a Windows editor":      "\xef\xbb\xbf" + strings.ReplaceAll(first, "\n", "\r\n"),
		"that has the new name":    strings.Replace(first, "  rejected =", "  rejected_dir =", 1),
		"that has it, and says so": strings.NewReplacer("  rejected =", "  rejected_dir =", "schema = 1", "schema = 2").Replace(first),
	} {
		config, err := Parse("config.toml", []byte(file))
		if err != nil {
			t.Errorf("%s: %v", story, err)
			continue
		}
		if config.RejectedDir() != "/data/rejected" || config.Schema != SchemaVersion {
			t.Errorf("%s: %q, schema %d", story, config.RejectedDir(), config.Schema)
		}
		var want []string
		if !strings.Contains(file, "rejected_dir") {
			want = []string{"config.toml:5: capture.rejected is called capture.rejected_dir since schema 2 of the configuration; it is read all the same. " +
				"`shelf-agent config migrate` shows the file in its present form"}
		}
		if got := config.Notes(); !slices.Equal(got, want) {
			t.Errorf("%s: notes %q, want %q", story, got, want)
		}
		for _, v := range config.Values() {
			if v.Key == "capture.rejected_dir" && v.From != "config.toml:5" {
				t.Errorf("%s: it is from %s", story, v.From)
			}
		}
	}
}

// TestMistakesInAnOlderFile have their places in the file as it is.
func TestMistakesInAnOlderFile(t *testing.T) {
	wantMistakes(t, strings.Replace(first, `"/data/rejected"`, `7`, 1), nil, []string{
		`config.toml:5:14: capture.rejected_dir: want a text in quotes, not 7`,
	})
	wantMistakes(t, strings.Replace(first, "[backend]", "rejected_dir = \"/r\"\n[backend]", 1), nil, []string{
		`config.toml:6:1: capture.rejected_dir: is set twice; the first is in line 5`,
	})
}

// TestThePresentForm is the file with other names, and nothing else.
func TestThePresentForm(t *testing.T) {
	renamed := strings.Replace(first, "  rejected =", "  rejected_dir =", 1)
	for story, tc := range map[string]struct{ file, want string }{
		"a first one":         {first, strings.Replace(renamed, "schema = 1", "schema = 2", 1)},
		"one without schema":  {strings.Replace(first, "schema = 1", "# schema = 1", 1), "schema = 2\n" + strings.Replace(renamed, "schema = 1", "# schema = 1", 1)},
		"one of this program": {string(Reference), string(Reference)},
	} {
		got, _ := Present([]byte(tc.file))
		if string(got) != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", story, got, tc.want)
		}
		if again, edits := Present(got); string(again) != string(got) || len(edits) > 0 {
			t.Errorf("%s: the second time something changes", story)
		}
		if _, err := Parse("config.toml", got); err != nil {
			t.Errorf("%s: %v", story, err)
		}
	}
}
