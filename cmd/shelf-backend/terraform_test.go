package main

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/lambdatest"
	"shelfagent/uploader/backend/mototest"
	"shelfagent/uploader/ticket"
)

// TestTerraformWritesAConfigurationThatStands: a test of packaging/terraform holds what it writes against a text; here
// the program reads that text, as it would in a function's environment.
func TestTerraformWritesAConfigurationThatStands(t *testing.T) {
	t.Setenv(configEnv, terraformsTOML(t))
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

// terraformsTOML is what the module is expected to write.
func terraformsTOML(t *testing.T) string {
	t.Helper()
	tests, err := os.ReadFile("../../packaging/terraform/modules/ticket_api/tests/backend.tftest.hcl")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)output\.backend_toml == <<-TOML\n(.*?)\n\s*TOML\n`).FindAllSubmatch(tests, -1)
	if len(found) != 1 {
		t.Fatalf("%d texts are held against backend_toml, want 1", len(found))
	}
	return regexp.MustCompile(`(?m)^ +`).ReplaceAllString(string(found[0][1]), "")
}

// TestTheFunctionAnswersWhileAuthoritiesChange takes the steps of packaging/terraform's README: two authorities that do
// not know each other are believed, and first the old one signs, then the new.
func TestTheFunctionAnswersWhileAuthoritiesChange(t *testing.T) {
	mototest.Start(t)
	mototest.Table(t, "shelf-registry")
	before, after := authorityOf(t), authorityOf(t)
	t.Setenv(taskRootEnv, t.TempDir())
	pack(t, "ca.pem", before.CA.Cert, after.CA.Cert)
	for name, signs := range map[string]*devpki.PKI{"the old one signs": before, "the new one signs": after} {
		t.Run(name, func(t *testing.T) {
			pack(t, "issuer.pem", signs.CA.Cert)
			key, err := os.ReadFile(signs.CA.Key)
			if err != nil {
				t.Fatal(err)
			}
			secret := mototest.Secret(t, strings.ReplaceAll(name, " ", "-"), string(key))
			toml := regexp.MustCompile(`(?m)^ca_secret_arn = .*$`).ReplaceAllString(terraformsTOML(t), `ca_secret_arn = "`+secret+`"`)
			t.Setenv(configEnv, strings.ReplaceAll(toml, "eu-central-1", mototest.Region))
			cmd, err := childOf(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			function := lambdatest.Start(t, cmd)
			for whose, pki := range map[string]*devpki.PKI{"old": before, "new": after} {
				if got := askForTickets(t, function, pki); got.StatusCode != http.StatusOK {
					t.Errorf("a rig with a certificate of the %s authority: %d %s\n%s", whose, got.StatusCode, got.Body, function.Log())
				}
			}
		})
	}
}

func authorityOf(t *testing.T) *devpki.PKI {
	t.Helper()
	pki, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: "shelf.example.com", Rigs: []devpki.Rig{{Store: "4711", Rig: "left"}}})
	if err != nil {
		t.Fatal(err)
	}
	return pki
}

// pack puts the files, one behind the other, into the function's folder.
func pack(t *testing.T, name string, files ...string) {
	t.Helper()
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv(taskRootEnv), name), all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// askForTickets asks as the gateway does, for the authority's rig.
func askForTickets(t *testing.T, function *lambdatest.Function, pki *devpki.PKI) (response events.APIGatewayProxyResponse) {
	t.Helper()
	rig, err := pki.ClientTLS(devpki.Rig{Store: "4711", Rig: "left"})
	if err != nil {
		t.Fatal(err)
	}
	request := events.APIGatewayProxyRequest{
		HTTPMethod: http.MethodPost, Path: ticket.TicketsPath, Headers: map[string]string{"content-type": "application/json"}, Body: string(upload),
	}
	request.RequestContext.Identity.ClientCert = &events.APIGatewayCustomAuthorizerRequestTypeRequestIdentityClientCert{
		ClientCertPem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rig.Certificates[0].Certificate[0]})),
	}
	event, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(function.Invoke(event), &response); err != nil {
		t.Fatal(err)
	}
	return response
}
