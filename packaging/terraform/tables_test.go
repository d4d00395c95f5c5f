package terraform

import (
	"os"
	"regexp"
	"testing"

	"shelfagent/uploader/backend/registry"
)

// TestTablesHaveTheProgramsAttributes: a table with other keys is refused by the program only when it is asked for the
// first time, and one with another attribute for time to live grows for ever without a word.
func TestTablesHaveTheProgramsAttributes(t *testing.T) {
	for _, table := range []struct{ file, hash, sort, ttl string }{
		{"modules/ticket_api/registry.tf", registry.AttrPart, registry.AttrName, registry.AttrEnds},
	} {
		text, err := os.ReadFile(table.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []struct{ is, want string }{
			{`hash_key`, table.hash}, {`range_key`, table.sort}, {`attribute_name`, table.ttl},
		} {
			found := regexp.MustCompile(line.is+` += "([^"]*)"`).FindAllSubmatch(text, -1)
			if len(found) != 1 || string(found[0][1]) != line.want {
				t.Errorf("%s: %s is %q, and the program's %q", table.file, line.is, found, line.want)
			}
		}
		if attributes := regexp.MustCompile(`(?s)attribute \{\s+name += "([^"]*)"\s+type += "S"`).FindAllSubmatch(text, -1); len(attributes) != 2 {
			t.Errorf("%s: %d attributes are texts, want the two keys", table.file, len(attributes))
		}
	}
}
