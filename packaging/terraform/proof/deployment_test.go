package proof

import (
	"encoding/json"
	"strings"
	"testing"
)

// deployment is what `terraform show -json` says of one.
type deployment struct {
	Values struct {
		Outputs map[string]struct {
			Value json.RawMessage `json:"value"`
		} `json:"outputs"`
		Root module `json:"root_module"`
	} `json:"values"`
}

type module struct {
	Resources []resource `json:"resources"`
	Children  []module   `json:"child_modules"`
}

type resource struct {
	Address string         `json:"address"`
	Type    string         `json:"type"`
	Values  map[string]any `json:"values"`
}

// resources are all of a type whose address ends in one of the ends, wherever they are.
func (m module) resources(kind string, ends ...string) (found []resource) {
	for _, r := range m.Resources {
		for _, end := range ends {
			if address := indexless(r.Address); r.Type == kind && strings.HasSuffix(address, end) {
				found = append(found, r)
			}
		}
	}
	for _, child := range m.Children {
		found = append(found, child.resources(kind, ends...)...)
	}
	return found
}

// indexless is an address without the numbers of count, and the keys of for_each.
func indexless(address string) string {
	var out strings.Builder
	depth := 0
	for _, r := range address {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// one is the text of the only such resource's attribute.
func (d *deployment) one(t *testing.T, attribute, kind string, ends ...string) string {
	t.Helper()
	found := d.Values.Root.resources(kind, ends...)
	if len(found) != 1 {
		t.Fatalf("the deployment has %d of %s %v", len(found), kind, ends)
	}
	value, ok := found[0].Values[attribute].(string)
	if !ok || value == "" {
		t.Fatalf("%s has no %s", found[0].Address, attribute)
	}
	return value
}

// output decodes one of the root module's outputs.
func (d *deployment) output(t *testing.T, name string, into any) {
	t.Helper()
	value, ok := d.Values.Outputs[name]
	if !ok {
		t.Fatalf("the deployment has no output %s", name)
	}
	if err := json.Unmarshal(value.Value, into); err != nil {
		t.Fatalf("output %s: %v", name, err)
	}
}
