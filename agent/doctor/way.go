package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"shelfagent/agent/diagnosis"
	"shelfagent/agent/health"
	"shelfagent/uploader"
)

// stepTimeout ends a step of the way that gets no answer.
const stepTimeout = 8 * time.Second

// walked are the steps to one door, and who signed for it without being trusted.
type walked struct {
	results  []Result
	stranger string
}

// waySteps are the steps to a door.
var waySteps = []string{"dns", "tcp", "tls"}

func (w walked) open() bool {
	return len(w.results) == len(waySteps) && w.results[len(waySteps)-1].Outcome != Fail
}

// way tries all doors at once, so that a dead network costs the time of one, and tells of them in order. It returns
// whether the backend's and one to S3 are open.
func way(ctx context.Context, options uploader.Options, tell func(Result)) (backend, s3 bool) {
	doors := uploader.Doors(options)
	all := make([]walked, len(doors))
	var walking sync.WaitGroup
	for i, door := range doors {
		walking.Go(func() { all[i] = walk(ctx, door, options.Identity != nil) })
	}
	walking.Wait()
	intercepted(all)
	cutOff(all)
	for i, w := range all {
		backend, s3 = backend || doors[i].Backend && w.open(), s3 || !doors[i].Backend && w.open()
		for _, r := range w.results {
			tell(r)
		}
		for _, step := range waySteps[len(w.results):] {
			tell(Result{Step: doors[i].Name + " " + step, Outcome: Skipped, Saw: "the step before failed", Host: doors[i].Address})
		}
	}
	return backend, s3
}

// intercepted says what one stranger who signs for several hosts must be.
func intercepted(all []walked) {
	hosts := map[string]int{}
	for _, w := range all {
		if w.stranger != "" {
			hosts[w.stranger]++
		}
	}
	for _, w := range all {
		if n := hosts[w.stranger]; n > 1 {
			last := &w.results[len(w.results)-1]
			last.Saw += fmt.Sprintf("; the same authority signed for %d hosts here, as a firewall does that intercepts TLS", n)
		}
	}
}

// cutOff tells a line that is down from servers that are: then no door can be reached.
func cutOff(all []walked) {
	if slices.ContainsFunc(all, func(w walked) bool { return len(w.results) == len(waySteps) }) {
		return
	}
	for _, w := range all {
		for i, r := range w.results {
			if r.Condition == health.BackendAway || r.Condition == health.S3Away {
				w.results[i] = r.is(health.LinkDown)
			}
		}
	}
}

// walk goes to one door, as far as it gets.
func walk(ctx context.Context, door uploader.Door, showsCertificate bool) (w walked) {
	tell := func(began time.Time, r Result) bool {
		r.Host = door.Address
		w.results = append(w.results, r.since(began))
		return r.Outcome != Fail
	}
	began := time.Now()
	if !tell(began, resolve(ctx, door)) {
		return w
	}
	began = time.Now()
	r, conn := connect(ctx, door)
	if !tell(began, r) {
		return w
	}
	defer func() { _ = conn.Close() }()
	began = time.Now()
	r, w.stranger = shake(ctx, door, conn, showsCertificate)
	tell(began, r)
	return w
}

func resolve(ctx context.Context, door uploader.Door) Result {
	step := door.Name + " dns"
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	addrs, err := door.Resolve(ctx)
	if err != nil && len(addrs) == 0 {
		return closed(step, door, err)
	}
	r := ok(step, door.Host+" is at "+addressText(addrs))
	if err != nil {
		r = closed(step, door, err)
		r.Saw = door.Host + " is at " + addressText(addrs) + ". " + r.Saw
	}
	private := true
	for _, addr := range addrs {
		private = private && uploader.Private(addr)
	}
	r.Addresses, r.Private = addrs, &private
	if r.Outcome == OK && !private && door.Anywhere() {
		r.Saw += "; public addresses are allowed, network.private_only is off"
	}
	return r
}

func addressText(addrs []netip.Addr) string {
	texts := make([]string, 0, len(addrs))
	for _, addr := range addrs {
		kind := "public"
		if uploader.Private(addr) {
			kind = "private"
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", addr, kind))
	}
	return strings.Join(texts, ", ")
}

func connect(ctx context.Context, door uploader.Door) (Result, net.Conn) {
	step := door.Name + " tcp"
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	began := time.Now()
	conn, addr, err := door.Connect(ctx)
	if err != nil {
		return closed(step, door, err), nil
	}
	return ok(step, fmt.Sprintf("%s answers at %s, in %d ms", door.Address, addressText([]netip.Addr{addr}), time.Since(began).Milliseconds())), conn
}

// shake also returns who signed the certificate, if that is a stranger.
func shake(ctx context.Context, door uploader.Door, conn net.Conn, showsCertificate bool) (Result, string) {
	step := door.Name + " tls"
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	met, err := door.Shake(ctx, conn)
	switch seen := (uploader.Seen{Asked: door.Backend, Err: err}); {
	case err == nil:
	case uploader.Judge(seen).Cause == uploader.CauseBackendDenied && !showsCertificate:
		return ok(step, "the backend asks for the certificate of this rig, which cannot be shown"), ""
	case uploader.Judge(seen).Cause == uploader.CauseBackendDenied:
		return fail(step, uploader.Explain(seen), "").is(health.BackendDenied), ""
	default:
		r := closed(step, door, err)
		r.Signer = uploader.Stranger(err)
		return r, r.Signer
	}
	r := ok(step, fmt.Sprintf("%s, certificate signed by %s, good until %s", met.Version, met.Signer, met.Ends.UTC().Format("2006-01-02 15:04 MST")))
	if met.EndsSoon {
		r = warn(step, r.Saw, "Tell the cloud team that the certificate of "+door.Address+" ends soon.")
		r.Means = "Once it has ended, nothing is sent any more."
	}
	r.Signer = met.Signer
	return r, ""
}

// closed is a door that an error keeps closed.
func closed(step string, door uploader.Door, err error) Result {
	seen := uploader.Seen{Asked: door.Backend, Err: err}
	r := fail(step, uploader.Explain(seen), Remedy(door.Backend, door.Address, err)).is(diagnosis.OfSeen(seen))
	if os.Getenv("HTTPS_PROXY")+os.Getenv("https_proxy") != "" {
		r.Do += " That other programs get there may be due to the proxy in the environment: the agent uses none."
	}
	return r
}
