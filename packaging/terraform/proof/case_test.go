package proof

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// story is one of cases.toml, which says what the members mean.
type story struct {
	Story   string            `toml:"story"`
	Who     string            `toml:"who"`
	Does    string            `toml:"does"`
	To      string            `toml:"to"`
	From    string            `toml:"from"`
	With    map[string]string `toml:"with"`
	Without []string          `toml:"without"`
	Dropped []string          `toml:"dropped"`
	Widened []string          `toml:"widened"`
	Expect  string            `toml:"expect"`
	By      []string          `toml:"by"`
}

func stories(t *testing.T) []story {
	t.Helper()
	file, err := os.Open("cases.toml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var read struct {
		Case []story `toml:"case"`
	}
	if err := toml.NewDecoder(file).DisallowUnknownFields().Decode(&read); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, s := range read.Case {
		if s.Story == "" || told[s.Story] || !slices.Contains([]string{"allow", "deny"}, s.Expect) || (s.Expect == "allow" && s.By != nil) {
			t.Errorf("%q: it has no story of its own, or expects what cannot be", s.Story)
		}
		told[s.Story] = true
	}
	if len(read.Case) < 60 {
		t.Errorf("only %d stories", len(read.Case))
	}
	return read.Case
}

// everything is what people add who are in a hurry.
var everything = statement{"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}

func (s statement) toEverybody() statement {
	s = maps.Clone(s)
	s["Principal"] = "*"
	return s
}

// simulation is the simulator's own form.
type simulation struct {
	Request                 request          `json:"request"`
	IdentityPolicies        []named          `json:"identityPolicies"`
	PermissionBoundary      []named          `json:"permissionBoundaryPolicies,omitempty"`
	ResourcePolicy          *policy          `json:"resourcePolicy,omitempty"`
	VPCEndpointPolicies     []named          `json:"vpcEndpointPolicies,omitempty"`
	ServiceControlPolicies  []map[string]any `json:"serviceControlPolicies"`
	ResourceControlPolicies []map[string]any `json:"resourceControlPolicies"`
}

type named struct {
	Name   string `json:"name"`
	Policy policy `json:"policy"`
}

type request struct {
	Principal any    `json:"principal"`
	Action    string `json:"action"`
	Resource  struct {
		Resource  string `json:"resource"`
		AccountID string `json:"accountId"`
	} `json:"resource"`
	Context map[string]string `json:"contextVariables"`
}

// uses names the documents that a story is played with.
func (w world) uses(t *testing.T, s story) (identity, boundary, resource, endpoint string) {
	t.Helper()
	switch s.Who {
	case "tickets":
		identity, boundary = "ticket_api", "boundary"
	case "pipeline":
		identity, boundary = "pipeline", "boundary"
	}
	to := w.expand(t, s.To)
	for name, document := range map[string]string{
		"frames": "bucket", "access_logs": "access_log_bucket", "audit_bucket": "audit_bucket",
		"key": "key_frames", "platform_key": "key_platform",
		"queue": "queue", "topic": "topic", "ca_secret": "ca_key_secret",
	} {
		if to == w.names[name] || strings.HasPrefix(to, w.names[name]+"/") {
			resource = document
		}
	}
	service, _, _ := strings.Cut(s.Does, ":")
	switch {
	case s.From == "shop":
		endpoint = "endpoint_shops"
	case s.From == "store 4800":
		endpoint = "endpoint_store_4800"
	case s.From == "function" && service == "s3":
		endpoint = "endpoint_functions"
	case s.From == "function" && w.policies["endpoint_"+service].Version != "": // not every service has one
		endpoint = "endpoint_" + service
	}
	return identity, boundary, resource, endpoint
}

// play makes the simulation of a story.
func (w world) play(t *testing.T, s story) simulation {
	t.Helper()
	identity, boundary, resource, endpoint := w.uses(t, s)
	sim := simulation{
		Request: w.request(t, s), IdentityPolicies: []named{},
		ServiceControlPolicies: []map[string]any{}, ResourceControlPolicies: []map[string]any{},
	}
	switch {
	case identity != "":
		if !slices.Contains(s.Dropped, "identity") {
			sim.IdentityPolicies = append(sim.IdentityPolicies, named{identity, w.document(t, identity)})
		}
		sim.PermissionBoundary = []named{{boundary, *w.layer(t, s, "boundary", boundary)}}
	case s.Who != "anybody" && !strings.Contains(s.Who, "."):
		sim.IdentityPolicies = append(sim.IdentityPolicies, named{"everything", policy{"2012-10-17", []statement{everything}}})
	}
	if slices.Contains(s.Widened, "identity") {
		sim.IdentityPolicies = append(sim.IdentityPolicies, named{"widened", policy{"2012-10-17", []statement{everything}}})
	}
	sim.ResourcePolicy = w.layer(t, s, "bucket", resource)
	if sim.Request.Resource.AccountID == foreign {
		sim.ResourcePolicy = &policy{"2012-10-17", []statement{everything.toEverybody()}} // a thief's own is open
	}
	if at := w.layer(t, s, "endpoint", endpoint); at != nil {
		sim.VPCEndpointPolicies = []named{{"endpoint", *at}}
	}
	return sim
}

// layer is a document as the story has it; nil where there is none.
func (w world) layer(t *testing.T, s story, name, document string) *policy {
	t.Helper()
	p := policy{Version: "2012-10-17"}
	if document != "" && !slices.Contains(s.Dropped, name) {
		p = w.document(t, document)
	}
	if slices.Contains(s.Widened, name) {
		wider := everything
		if name != "boundary" { // which is nobody's but its role's
			wider = wider.toEverybody()
		}
		p.Statement = append(slices.Clone(p.Statement), wider)
	}
	if p.Statement == nil {
		return nil
	}
	return &p
}

func (w world) document(t *testing.T, name string) policy {
	t.Helper()
	p, there := w.policies[name]
	if !there {
		t.Fatalf("the output policies has no %s; it has %v", name, slices.Sorted(maps.Keys(w.policies)))
	}
	return p.withoutEncryptionContext()
}

// withoutEncryptionContext leaves out what the simulator does not know; TestTheKeyIsForThisBucket asserts it.
func (p policy) withoutEncryptionContext() policy {
	for i, s := range p.Statement {
		condition, _ := s["Condition"].(map[string]any)
		for operator, keys := range condition {
			keys, _ := keys.(map[string]any)
			for key := range keys {
				if strings.HasPrefix(key, "kms:EncryptionContext:") {
					keys, condition := maps.Clone(keys), maps.Clone(condition)
					delete(keys, key)
					condition[operator] = keys
					s = maps.Clone(s)
					s["Condition"] = condition
					p = p.with(i, s)
				}
			}
		}
	}
	return p
}

// request is what AWS sees of it.
func (w world) request(t *testing.T, s story) request {
	t.Helper()
	r := request{Principal: w.names[s.Who], Action: s.Does, Context: map[string]string{"aws:SecureTransport": "true"}}
	r.Resource.Resource, r.Resource.AccountID = w.expand(t, s.To), w.names["account"]
	if to := r.Resource.Resource; strings.Contains(to, ":"+foreign+":") || strings.HasPrefix(to, "arn:aws:s3:::thief/") {
		r.Resource.AccountID = foreign
	}
	r.Context["aws:ResourceAccount"] = r.Resource.AccountID
	w.sayWho(t, s, &r)
	w.sayFrom(t, s, r.Context)
	w.sayWhat(s, r.Context)
	for name, value := range s.With {
		r.Context[name] = w.expand(t, value)
	}
	for _, name := range s.Without {
		if _, there := r.Context[name]; !there {
			t.Errorf("%s: %s is not said anyhow", s.Story, name)
		}
		delete(r.Context, name)
	}
	return r
}

func (w world) sayWho(t *testing.T, s story, r *request) {
	t.Helper()
	switch {
	case s.Who == "anybody":
		r.Principal = map[string]string{"type": "Anonymous"}
	case strings.Contains(s.Who, "."):
		r.Principal = s.Who
		r.Context["aws:PrincipalIsAWSService"], r.Context["aws:PrincipalServiceName"] = "true", s.Who
	case w.names[s.Who] == "":
		t.Fatalf("%s: nobody is %q", s.Story, s.Who)
	default:
		r.Context["aws:PrincipalIsAWSService"] = "false"
		r.Context["aws:PrincipalArn"], r.Context["aws:PrincipalAccount"] = w.names[s.Who], strings.Split(w.names[s.Who], ":")[4]
	}
}

// sayFrom: at an endpoint a request has the endpoint and an address behind it; elsewhere, a public address.
func (w world) sayFrom(t *testing.T, s story, context map[string]string) {
	t.Helper()
	switch s.From {
	case "shop", "store 4800", "function":
		context["aws:SourceVpc"] = w.names["vpc"]
	}
	switch s.From {
	case "shop":
		context["aws:SourceVpce"], context["aws:VpcSourceIp"] = w.names["shops_endpoint"], "10.47.11.5"
	case "store 4800":
		context["aws:SourceVpce"], context["aws:VpcSourceIp"] = w.names["store_endpoint"], "10.48.0.5"
	case "function":
		context["aws:SourceVpce"], context["aws:VpcSourceIp"] = w.names["functions_endpoint"], "10.64.1.9"
	case "foreign endpoint":
		context["aws:SourceVpce"], context["aws:VpcSourceIp"], context["aws:SourceVpc"] = "vpce-0f0e0d0c0b0a09080", "10.0.0.5", "vpc-0f0e0d0c0b0a09080"
	case "internet":
		context["aws:SourceIp"] = "198.51.100.7"
	case "aws":
	default:
		t.Fatalf("%s: nothing comes from %q", s.Story, s.From)
	}
}

// sayWhat is what a good request of the kind says.
func (w world) sayWhat(s story, context map[string]string) {
	switch service, _, _ := strings.Cut(s.Does, ":"); service {
	case "s3":
		context["s3:TlsVersion"], context["s3:signatureAge"], context["s3:signatureversion"] = "1.3", "1000", "AWS4-HMAC-SHA256"
	case "kms":
		context["kms:ViaService"], context["kms:CallerAccount"] = fmt.Sprintf("s3.%s.amazonaws.com", w.names["region"]), w.names["account"]
	}
	if s.Does == "s3:PutObject" {
		context["s3:x-amz-server-side-encryption"], context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = "aws:kms", w.names["key"]
		context["s3:if-none-match"] = "*"
	}
}
