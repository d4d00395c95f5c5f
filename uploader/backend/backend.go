package backend

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/ticket"
)

// HealthPath answers load balancers.
const HealthPath = "/healthz"

// Backend is the handler. Make it with New.
type Backend struct {
	trustDomain string
	home        Home
	lab         LabTokens
	key         KeyTemplate
	canaryKey   KeyTemplate
	metadata    metadataFilter
	policy      *policy
	presigner   *presigner
	registry    *registry.Registry // nil when nothing is remembered
	signer      Signer             // nil when nobody is enrolled
	door        *throttle
	renewals    *throttle
	canaries    *throttle
	metrics     *metrics
	fleet       *fleet
	now         func() time.Time
	log         *slog.Logger
	routes      map[string]route
}

type route struct {
	method string
	handle func(http.ResponseWriter, *http.Request) error
}

// New makes a backend. It fails with an *OptionError when an option cannot stand, and when this build does
// not sign everything that a ticket needs. It does not need credentials yet; ctx bounds the reading of the
// SDK's configuration files.
func New(ctx context.Context, o Options) (*Backend, error) {
	return build(ctx, o, newSigner(o.Now))
}

func build(ctx context.Context, o Options, signer s3.HTTPPresignerV4) (*Backend, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := o.Home.check(); err != nil {
		return nil, err
	}
	if err := o.needsRegistry(); err != nil {
		return nil, err
	}
	key, err := ParseKeyTemplate(o.Tickets.KeyTemplate)
	if err != nil {
		return nil, err
	}
	canaryKey, err := ParseCanaryTemplate(o.Tickets.CanaryTemplate)
	if err != nil {
		return nil, err
	}
	metadata, err := newMetadataFilter(o.Tickets.Metadata)
	if err != nil {
		return nil, err
	}
	presigner, err := newPresigner(ctx, o, signer)
	if err != nil {
		return nil, err
	}
	b := &Backend{
		trustDomain: o.TrustDomain,
		home:        o.Home,
		lab:         o.LabTokens,
		key:         key,
		canaryKey:   canaryKey,
		metadata:    metadata,
		policy:      newPolicy(o.Policy),
		presigner:   presigner,
		registry:    o.Registry,
		signer:      o.Signer,
		door:        newThrottle(triesEvery, triesBurst, allTriesEvery, allTriesBurst),
		renewals:    newThrottle(renewalsEvery, renewalsBurst, allTriesEvery, allTriesBurst),
		canaries:    newThrottle(time.Hour/time.Duration(max(o.Policy.CanariesPerHour, 1)), o.Policy.CanariesPerHour, allTriesEvery, allTriesBurst),
		fleet:       newFleet(o.Now),
		now:         o.Now,
		log:         o.Log,
	}
	b.metrics = newMetrics(b.fleet)
	if len(b.lab) > 0 {
		b.log.WarnContext(ctx, labWarning, "tokens", len(b.lab))
	}
	b.routes = map[string]route{
		ticket.TicketsPath:   {http.MethodPost, b.tickets},
		ticket.HeartbeatPath: {http.MethodPost, b.heartbeat},
		HealthPath:           {http.MethodGet, b.health},
	}
	if b.signer != nil {
		b.routes[ticket.EnrollPath] = route{http.MethodPost, b.enroll}
		b.routes[ticket.RenewPath] = route{http.MethodPost, b.renew}
	}
	return b, nil
}

// Destination is where the store's tickets point, as its rigs' upload.hosts must name it. For a store without an
// endpoint of its own, such as "", it is where all others' point.
func (b *Backend) Destination(store string) ticket.Destination {
	return b.presigner.places[b.presigner.endpoint(store)].destination
}

// ServeHTTP routes by hand, because http.ServeMux would answer 404 and 405 in plain text.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer b.observe(r, time.Now())
	b.respond(w, r, b.serve)
}

func (b *Backend) respond(w http.ResponseWriter, r *http.Request, handle func(http.ResponseWriter, *http.Request) error) {
	if err := handle(w, r); err != nil {
		p := asProblem(err)
		b.metrics.problems.WithLabelValues(p.code).Inc()
		b.auditProblem(r, p)
		p.write(w)
	}
}

func (b *Backend) serve(w http.ResponseWriter, r *http.Request) error {
	if err := b.home.admit(r); err != nil {
		return err
	}
	route, ok := b.routes[r.URL.Path]
	if !ok {
		return fail(http.StatusNotFound, CodeNotFound, "there is nothing at this path")
	}
	if r.Method != route.method {
		w.Header().Set("Allow", route.method)
		return fail(http.StatusMethodNotAllowed, CodeMethod, "this path takes %s only", route.method)
	}
	return route.handle(w, r)
}

func (b *Backend) heartbeat(w http.ResponseWriter, r *http.Request) error {
	id, err := b.admit(r)
	if err != nil {
		return err
	}
	var snapshot map[string]json.RawMessage
	if err := decode(w, r, &snapshot); err != nil {
		return err
	}
	b.metrics.heartbeats.Inc()
	b.fleet.hear(id.Identity, snapshot)
	b.log.DebugContext(r.Context(), "heartbeat", id.attrs()...)
	writeJSON(w, http.StatusOK, "application/json", map[string]string{"time": b.now().UTC().Format(captureTime)})
	return nil
}

// health is ill while there is nothing to sign with, so that a load balancer looks for a better instance.
func (b *Backend) health(w http.ResponseWriter, r *http.Request) error {
	if _, err := b.presigner.lifetime(r.Context()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, "application/json", map[string]string{"status": "ok"})
	return nil
}
