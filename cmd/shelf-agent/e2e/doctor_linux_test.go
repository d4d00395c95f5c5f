package e2e

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"shelfagent/agent/doctor"
	"shelfagent/uploader/backend/s3test"
)

// TestP6P8_DoctorOfNames: with the configuration of a shop, and names that are right, wrong, or not told at all. Nobody
// else is spoken to.
func TestP6P8_DoctorOfNames(t *testing.T) {
	w := enterWorld(t)
	if w == nil {
		return
	}
	newStranger(t, "198.51.100.66:443")
	server := s3test.Start(t, "*.shop.test")
	where := streets(0)
	newProxy(t, "s3", where.s3At, server.Addr)
	private := strings.TrimSuffix(where.s3At, ":443")
	r := newRig(t, plan{
		s3: server, bucket: where.bucket, backendListen: where.backendAt,
		way:   func(string, string) (string, string) { return where.backend, where.s3 },
		agent: map[string]string{"allow_loopback": "false", "private_only": "true"},
	})
	r.startBackend()
	r.backendListens()
	tell := func(backend, s3 dnsAnswer) steps {
		w.names.say(where.backend, backend)
		w.names.say(where.s3, s3)
		return r.doctor()
	}
	right := addrs(strings.TrimSuffix(where.backendAt, ":443"))
	s3 := "s3 " + where.s3 + "/" + where.bucket

	said := tell(right, addrs(private))
	said.proven(t)
	said.reads(t, "backend dns", doctor.OK, "203.0.113.10 (public)", "")
	said.reads(t, s3+" dns", doctor.OK, private+" (private)", "")
	if dns := said[s3+" dns"]; dns.Host != where.s3+":443" || dns.Private == nil || !*dns.Private {
		t.Errorf("%+v", dns)
	}

	said = tell(right, addrs("198.51.100.66"))
	said.reads(t, s3+" dns", doctor.Fail, "198.51.100.66 (public). S3: address 198.51.100.66 is not allowed: it is outside network.private_ranges", "the VPN")
	if dns := said[s3+" dns"]; dns.Condition != "wrong_network" || dns.Private == nil || *dns.Private {
		t.Errorf("%+v", dns)
	}
	said.reads(t, "ticket", doctor.OK, "", "")
	said.reads(t, "canary", doctor.Skipped, "the way to S3 is closed", "")

	said = tell(right, addrs("198.51.100.66", private)) // the one that is allowed is taken
	said.proven(t)
	said.reads(t, s3+" dns", doctor.OK, "198.51.100.66 (public)", "")
	said.reads(t, s3+" tcp", doctor.OK, private+" (private)", "")

	said = tell(dnsAnswer{code: dnsmessage.RCodeNameError}, addrs(private))
	said.reads(t, "backend dns", doctor.Fail, "the backend: the name "+where.backend+" was not found by DNS", "the DNS server of this machine, 127.0.0.53:53")
	said.reads(t, "ticket", doctor.Skipped, "the way to the backend is closed", "")

	began := time.Now()
	said = tell(dnsAnswer{silent: true}, dnsAnswer{silent: true})
	said.reads(t, "backend dns", doctor.Fail, "the backend: DNS gives no answer for the name "+where.backend, "Check the name in backend.url")
	said.reads(t, s3+" dns", doctor.Fail, "S3: DNS gives no answer for the name "+where.s3, "Check the name in upload.hosts")
	if took := time.Since(began); took > doctor.Longest {
		t.Errorf("a dead network took %s", took)
	}
	r.write("agent.toml", strings.Replace(string(read(t, r.path("agent.toml"))), "private_only = true", "private_only = false", 1))
	said = tell(right, addrs("198.51.100.77", private))
	said.reads(t, s3+" dns", doctor.OK, "public addresses are allowed, network.private_only is off", "")

	if keys := server.Keys(t, where.bucket, "canary/"); len(keys) != 3 {
		t.Errorf("canaries %q, want three", keys)
	}
}
