package terraform

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"shelfagent/uploader/backend/pipeline"
	"shelfagent/uploader/backend/registry"
)

// TestTablesHaveTheProgramsAttributes: a table with other keys is refused by the program only when it is asked for the
// first time, and one with another attribute for time to live grows for ever without a word.
func TestTablesHaveTheProgramsAttributes(t *testing.T) {
	for _, table := range []struct {
		file      string
		hash, ttl string
		sort      []string // none, or one
	}{
		{"modules/ticket_api/registry.tf", registry.AttrPart, registry.AttrEnds, []string{registry.AttrName}},
		{"modules/pipeline/records.tf", pipeline.AttrKey, pipeline.AttrEnds, nil},
	} {
		text, err := os.ReadFile(table.file)
		if err != nil {
			t.Fatal(err)
		}
		for is, want := range map[string][]string{`hash_key`: {table.hash}, `range_key`: table.sort, `attribute_name`: {table.ttl}} {
			if found := named(text, is+` += "([^"]*)"`); !slices.Equal(found, want) {
				t.Errorf("%s: %s is %q, and the program's %q", table.file, is, found, want)
			}
		}
		texts := named(text, `(?s)attribute \{\s+name += "([^"]*)"\s+type += "S"`)
		if want := append([]string{table.hash}, table.sort...); !slices.Equal(texts, want) {
			t.Errorf("%s: the attributes %q are texts, want the keys %q", table.file, texts, want)
		}
	}
}

// named are what a pattern's group has found.
func named(text []byte, pattern string) []string {
	var all []string
	for _, found := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		all = append(all, string(found[1]))
	}
	return all
}
