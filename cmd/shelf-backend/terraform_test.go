package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTerraformWritesAConfigurationThatStands: a test of packaging/terraform holds what it writes against a text; here
// the program reads that text, as it would in a function's environment.
func TestTerraformWritesAConfigurationThatStands(t *testing.T) {
	tests, err := os.ReadFile("../../packaging/terraform/modules/ticket_api/tests/backend.tftest.hcl")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)output\.backend_toml == <<-TOML\n(.*?)\n\s*TOML\n`).FindAllSubmatch(tests, -1)
	if len(found) != 1 {
		t.Fatalf("%d texts are held against backend_toml, want 1", len(found))
	}
	t.Setenv(configEnv, regexp.MustCompile(`(?m)^ +`).ReplaceAllString(string(found[0][1]), ""))
	s, err := lambdaSettings("")
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen.Home != homeLambda || s.Registry.Kind != registryDynamo || !s.enrols() {
		t.Errorf("home %q, registry %q, enrols %t: want a function with a registry in DynamoDB that renews", s.Listen.Home, s.Registry.Kind, s.enrols())
	}
	if endpoint := s.S3.Stores["4711"].Endpoint; !strings.HasPrefix(endpoint, "https://bucket.vpce-") {
		t.Errorf("store 4711 has the endpoint %q", endpoint)
	}
}
