package systemdtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"shelfagent/uploader/backend/s3test"
)

const (
	bucket = "frames"
	store  = "4711"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// cloud is what stands outside: an S3 server and a backend, at names that the rig knows.
type cloud struct {
	t      *testing.T
	s3     *s3test.Server
	config string // the backend's
	kit    kit
	line   *toxiproxy.Proxy // to S3
}

func newCloud(t *testing.T, k kit) *cloud {
	t.Helper()
	c := &cloud{t: t, kit: k, s3: s3test.Start(t, ticketsHost, s3Host), config: filepath.Join(t.TempDir(), "backend.toml")}
	c.s3.CreateBucket(t, bucket)
	pki := c.s3.PKI
	if err := os.WriteFile(c.config, fmt.Appendf(nil, `
[listen]
address = "%s:443"
certificate = %q
key = %q
client_ca = %q
[identity]
trust_domain = %q
[s3]
bucket = %q
region = %q
kms_key_arn = %q
endpoint = "https://%s"
path_style = true
[registry]
kind = "file"
path = "registry.db"
[enrolment]
url = "https://%s"
ca_certificate = %q
ca_key = %q
`, ticketsAddr, pki.Server.Cert, pki.Server.Key, pki.CA.Cert, pki.TrustDomain, bucket, s3test.Region, keyARN, s3Host, ticketsHost, pki.CA.Cert, pki.CA.Key), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// open starts the backend, and S3 is at its address from now on. Before, the addresses have to be there.
func (c *cloud) open() {
	c.t.Helper()
	credentials, err := c.s3.Credentials().Retrieve(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(filepath.Dir(c.config), "backend.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	backend := exec.Command(c.kit.Backend, "serve", "--config", c.config)
	backend.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+credentials.SecretAccessKey)
	backend.Stdout, backend.Stderr = log, log
	if err := errors.Join(backend.Start(), log.Close()); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = backend.Process.Kill()
		_ = backend.Wait()
		if raw, _ := os.ReadFile(log.Name()); c.t.Failed() {
			c.t.Logf("the end of the backend's log:\n%s", raw[max(0, len(raw)-2000):])
		}
	})
	c.reachable()
	c.t.Cleanup(func() { c.unreachable() })
}

// reachable and unreachable are the line to S3.
func (c *cloud) reachable() {
	c.t.Helper()
	c.line = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "s3", s3Addr+":443", c.s3.Addr)
	if err := c.line.Start(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cloud) unreachable() {
	c.line.Stop()
}

// invite is what the cloud team does for a rig: it returns the code.
func (c *cloud) invite() string {
	c.t.Helper()
	var out string
	for deadline := time.Now().Add(20 * time.Second); ; {
		raw, err := exec.Command(c.kit.Backend, "rig", "invite", "--config", c.config, "--store", store, "--rig", "left").CombinedOutput()
		if out = string(raw); err == nil {
			break
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("rig invite: %v\n%s", err, out)
		}
	}
	code := regexp.MustCompile(`--code (\S+)`).FindStringSubmatch(out)
	if code == nil {
		c.t.Fatalf("no code in:\n%s", out)
	}
	return code[1]
}
