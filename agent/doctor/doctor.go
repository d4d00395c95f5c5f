package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"shelfagent/agent/config"
	"shelfagent/uploader"
	"shelfagent/uploader/device"
)

// Outcome of a step. The zero value is invalid.
type Outcome string

// Outcomes.
const (
	OK      Outcome = "ok"
	Warn    Outcome = "warn"
	Fail    Outcome = "fail"
	Skipped Outcome = "skipped"
)

// Result is one step.
type Result struct {
	Step    string  `json:"step"`
	Outcome Outcome `json:"outcome"`
	// Saw is what was found, Do what to do about it; Do is empty when all is well.
	Saw string `json:"saw"`
	Do  string `json:"do,omitempty"`
}

// Walk takes the steps in order and tells each result as it comes.
func Walk(ctx context.Context, c *config.Config, tell func(Result)) {
	tell(captureFolder(c.Capture.Dir))
	tell(stateFolder(c))
	tell(statusPage(ctx, c.Status))
	options, err := c.UploaderOptions(nil)
	if err != nil {
		tell(noIdentity(err))
		tell(Result{Step: "backend", Outcome: Skipped, Saw: "it needs an identity"})
		tell(Result{Step: "s3", Outcome: Skipped, Saw: "it needs an identity"})
		return
	}
	tell(identity(options.Identity, time.Now()))
	for _, door := range uploader.Doors(options) {
		tell(knock(ctx, door))
	}
}

// asAgent is how to see with the agent's rights.
const asAgent = "sudo -u shelf-agent shelf-agent doctor"

func captureFolder(dir string) Result {
	const step = "capture folder"
	_, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Result{step, Fail, dir + " does not exist", "Create it, mount its disk, or correct capture.dir in the configuration."}
	case errors.Is(err, fs.ErrPermission):
		return Result{step, Fail, "this user may not read " + dir, "Try as the agent's user: " + asAgent +
			". If it is the same there, give that user the right to read, write and enter the folder."}
	case err != nil:
		return Result{step, Fail, err.Error(), "Set capture.dir to the folder that the cameras write into, and check its disk."}
	}
	// Taking a file away needs the right to write to the folder; trying is the only sure way to know.
	probe, err := os.CreateTemp(dir, ".shelf-agent-doctor-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return Result{step, Fail, "files cannot be taken out of " + dir + ": " + reason(err), "Check that its disk is neither full nor read-only, and give " +
			"the agent's user, or its group, the right to write to the folder. To try as that user: " + asAgent + "."}
	}
	saw := dir + " can be read and emptied"
	if os.Geteuid() == 0 {
		saw += " by root, who may do so anywhere; to try as the agent: " + asAgent
	}
	return Result{Step: step, Outcome: OK, Saw: saw}
}

// reason leaves out what a system's error repeats of its place.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// enrolAnew is how a rig gets a certificate.
const enrolAnew = "get a code from the cloud team, then sudo shelf-agent enroll"

func noIdentity(err error) Result {
	do := "Do what is said above. If the certificate itself is wrong, ask the cloud team for a new one of this rig: " + enrolAnew + "."
	var missing *device.MissingError
	switch {
	case errors.As(err, &missing):
		do = "If this rig was never enrolled: " + enrolAnew + ". If it was, put the file there, or correct its place in [backend]."
	case errors.Is(err, fs.ErrNotExist):
		do = "Put the file there, or correct its place in [backend] or [upload]."
	case errors.Is(err, fs.ErrPermission):
		do = "Try as the agent's user: " + asAgent + ". If it is the same there, make that user the owner of the file."
	}
	return Result{"identity", Fail, err.Error(), do}
}

func identity(id *uploader.Identity, now time.Time) Result {
	const step = "identity"
	name, left := id.Name(), id.Expires().Sub(now)
	who, when := fmt.Sprintf("store %s, rig %s", name.Store, name.Rig), id.Expires().UTC().Format("2006-01-02 15:04 MST")
	switch {
	case left <= 0:
		return Result{step, Fail, who + "; the certificate ended on " + when,
			"Check that this machine's clock is right. If it is, the rig has to be enrolled anew: " + enrolAnew + "."}
	case id.EndsSoon(now):
		return Result{step, Warn, who + "; the certificate ends soon, on " + when, "A running agent should have renewed it: see what " +
			"`shelf-agent status` says. If nothing helps, " + enrolAnew + "."}
	}
	return Result{Step: step, Outcome: OK, Saw: who + "; the certificate ends on " + when}
}

// knockTimeout ends a step that gets no answer.
const knockTimeout = 15 * time.Second

func knock(ctx context.Context, door uploader.Door) Result {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	saw, err := door.Knock(ctx)
	if err != nil {
		return Result{door.Name, Fail, uploader.Explain(uploader.Seen{Asked: door.Backend, Err: err}), Remedy(door.Backend, door.Address, err)}
	}
	return Result{Step: door.Name, Outcome: OK, Saw: saw}
}

// Remedy is what most often helps against an error of the way to a host.
func Remedy(backend bool, address string, err error) string {
	key, ca := "upload.hosts", "upload.ca"
	if backend {
		key, ca = "backend.url", "backend.ca"
	}
	var (
		forbidden *uploader.AddressError
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &forbidden):
		return fmt.Sprintf("Check the name in %s, the DNS server of this machine, and the VPN; [network] in the configuration says which addresses are allowed.", key)
	case errors.As(err, &dns):
		return fmt.Sprintf("Check the name in %s, the network cable, and the DNS server of this machine.", key)
	case errors.As(err, &authority):
		return fmt.Sprintf("Ask who runs the firewall to exempt %s from TLS interception. If the certificate is the right one, name its authority in %s.", address, ca)
	case errors.As(err, &hostname):
		return fmt.Sprintf("Check the name in %s; a firewall or a login page may be answering in its place.", key)
	case errors.As(err, &invalid):
		return "Check that this machine's clock is right. If it is, tell the cloud team."
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("Check host and port in %s; a proxy or a login page may be answering in their place.", key)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Check host and port in %s, and whether the firewall lets %s through.", key, address)
	default:
		return fmt.Sprintf("Open %s in the firewall, without TLS interception; check the router, the VPN and %s.", address, key)
	}
}
