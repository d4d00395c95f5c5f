package backend

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/ticket"
)

// Defaults of Options.
const (
	DefaultTTL         = 10 * time.Minute
	DefaultKeyTemplate = keyPrefix + "{yyyy-mm-dd}/{camera}/{HHMMSS.mmm}-{sha256}.{ext}"
	DefaultCanaries    = canaryPrefix + "{rig}/{yyyy-mm-dd}/{HHMMSS.mmm}-{sha256}.{ext}"
	DefaultMaxBytes    = 64 << 20
)

const (
	// minTTL leaves a slow uplink the time to begin its PUT.
	minTTL = 30 * time.Second
	// s3MaxPut is the largest object that one PUT can make (S3, "Uploading objects").
	s3MaxPut = 5 << 30
)

// DefaultMetadata are the request's metadata that become object metadata.
func DefaultMetadata() []string {
	return []string{
		"width", "height", "time_source", "processing", "quality", "brightness", "sharpness", "judgement", "agent_version", "clock",
	}
}

// Options configure a Backend.
type Options struct {
	// TrustDomain is the host part of the rigs' SPIFFE ids.
	TrustDomain string
	// Home says how callers' certificates arrive; nil means Standalone.
	Home Home
	// LabTokens are taken instead of certificates; nil, as it should be, means that none is.
	LabTokens LabTokens
	S3        S3
	Tickets   Tickets
	Policy    Policy
	// Registry remembers rigs, revocations and quotas; nil means that nobody can be revoked. The caller closes it.
	Registry *registry.Registry
	// Signer makes certificates for POST /v1/enroll and /v1/renew; nil means that neither is there. It needs Registry.
	Signer Signer
	// Log gets the audit lines; nil means slog.Default.
	Log *slog.Logger
	// Now is the clock, also of signatures; nil means time.Now.
	Now func() time.Time
}

// S3 says where frames go.
type S3 struct {
	// Bucket is 3 to 63 of [a-z0-9-]. Dots are refused: the SDK would change to path style unasked.
	Bucket string
	Region string
	// Endpoint is the https URL that the ticket's host is made from, such as a VPC interface endpoint's
	// https://bucket.vpce-….s3.<region>.vpce.amazonaws.com. Empty means S3's public endpoint. It cannot be
	// set from the environment: AWS_ENDPOINT_URL is ignored.
	Endpoint string
	// Stores have an endpoint of their own where the shop's line ends at another one. The bucket, its region and
	// its key are the same for all.
	Stores map[string]StoreS3
	// PathStyle puts the bucket into the path instead of the host name.
	PathStyle bool
	// KMSKeyARN is the customer-managed key's full ARN, in Region.
	KMSKeyARN string
	// Credentials sign the tickets; nil means the SDK's default chain.
	Credentials aws.CredentialsProvider
}

// StoreS3 is what is different for one store.
type StoreS3 struct {
	// Endpoint is as S3.Endpoint, and must be set.
	Endpoint string
}

// endpoint is where the store's tickets point; empty is the public endpoint.
func (s S3) endpoint(store string) string {
	if own, ok := s.Stores[store]; ok {
		return own.Endpoint
	}
	return s.Endpoint
}

// Tickets says what tickets look like.
type Tickets struct {
	// TTL is a ticket's life, 30 s to 15 min; 0 means DefaultTTL. It is shorter when the credentials that
	// sign it end sooner.
	TTL time.Duration
	// KeyTemplate makes the object key; see ParseKeyTemplate. Empty means DefaultKeyTemplate.
	KeyTemplate string
	// CanaryTemplate is the same for canaries; see ParseCanaryTemplate. Empty means DefaultCanaries.
	CanaryTemplate string
	// Metadata are the request's metadata that become x-amz-meta-*, at most 10; nil means DefaultMetadata,
	// empty none. store, rig, camera and captured-at are always there.
	Metadata []string
}

// Policy says what is accepted of an authenticated rig.
type Policy struct {
	// MaxBytes is a frame's largest size; 0 means DefaultMaxBytes.
	MaxBytes int64
	// ContentTypes are the accepted types, of those in ContentTypes(); nil means all of them.
	ContentTypes []string
	// Cameras lists the cameras of a store; a store that is not in it may use any.
	Cameras map[string][]string
	// MaxCameras is how many cameras a rig of a store without a list may use, counted since the process started;
	// 0 means no limit.
	MaxCameras int
	// FramesPerMinute is how many frames a rig may name, refused ones included; 0 means no limit. A minute's
	// worth, and at least one full request, may come at once.
	FramesPerMinute int
	// CanariesPerHour is how many canaries a rig may send, and as many at once; none of them is a frame to any other
	// rule here. 0 means none. A run of `shelf-agent doctor` takes two.
	CanariesPerHour int
	// DailyFrames and DailyBytes are how many frames, and how many bytes of them, a rig may get tickets for in a UTC
	// day; 0 means no limit. Both need Options.Registry, and DailyBytes needs DailyFrames, which bounds what is
	// remembered to know a frame again.
	DailyFrames int64
	DailyBytes  int64
}

// maxCanariesPerHour is more than a person needs who tries a line all day.
const maxCanariesPerHour = 3600

// maxDailyFrames bounds a rig's day in the registry: 8 MB.
const maxDailyFrames = 1_000_000

// OptionError says which option cannot stand.
type OptionError struct {
	// Option is its place in the configuration file, such as s3.bucket.
	Option string
	Reason string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Reason }

func invalid(option, format string, args ...any) error {
	return &OptionError{Option: option, Reason: fmt.Sprintf(format, args...)}
}

func (o Options) withDefaults() Options {
	o.Tickets.TTL = cmp.Or(o.Tickets.TTL, DefaultTTL)
	o.Tickets.KeyTemplate = cmp.Or(o.Tickets.KeyTemplate, DefaultKeyTemplate)
	o.Tickets.CanaryTemplate = cmp.Or(o.Tickets.CanaryTemplate, DefaultCanaries)
	o.Policy.MaxBytes = cmp.Or(o.Policy.MaxBytes, DefaultMaxBytes)
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Tickets.Metadata == nil {
		o.Tickets.Metadata = DefaultMetadata()
	}
	if o.Policy.ContentTypes == nil {
		o.Policy.ContentTypes = ContentTypes()
	}
	if o.Home == nil {
		o.Home = Standalone{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Validate checks the options offline. Its error is an *OptionError.
func (o Options) Validate() error {
	o = o.withDefaults()
	if !ticket.ValidTrustDomain(o.TrustDomain) {
		return invalid("identity.trust_domain", "%q is not a host name in lower case", o.TrustDomain)
	}
	if err := o.S3.validate(); err != nil {
		return err
	}
	if err := o.Tickets.validate(); err != nil {
		return err
	}
	return o.Policy.validate()
}

// needsRegistry says which option cannot stand without a registry.
func (o Options) needsRegistry() error {
	switch {
	case o.Registry != nil:
		return nil
	case o.Policy.DailyFrames > 0:
		return invalid("policy.daily_frames", "needs a registry to count in")
	case o.Signer != nil:
		return invalid("enrolment", "needs a registry to remember invitations and revocations in")
	}
	return nil
}

var (
	bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	regionPattern = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	keyARNPattern = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+$`)
)

func (s S3) validate() error {
	switch {
	case strings.Contains(s.Bucket, "."):
		return invalid("s3.bucket", "%q contains a dot, which breaks TLS names of virtual-hosted buckets", s.Bucket)
	case !bucketPattern.MatchString(s.Bucket):
		return invalid("s3.bucket", "%q is not a bucket name: 3 to 63 lower-case letters, digits and dashes", s.Bucket)
	case strings.HasSuffix(s.Bucket, "--x-s3"):
		return invalid("s3.bucket", "%q is a directory bucket, which tickets cannot be signed for", s.Bucket)
	case !regionPattern.MatchString(s.Region):
		return invalid("s3.region", "%q is not a region, such as eu-central-1", s.Region)
	}
	arn := keyARNPattern.FindStringSubmatch(s.KMSKeyARN)
	if arn == nil {
		return invalid("s3.kms_key_arn", "%q is not the full ARN of a key, arn:aws:kms:<region>:<account>:key/<id>", s.KMSKeyARN)
	}
	if arn[1] != s.Region {
		return invalid("s3.kms_key_arn", "the key is in %s, but S3 wants it in the bucket's region, %s", arn[1], s.Region)
	}
	if s.Endpoint != "" {
		if err := validateEndpoint("s3.endpoint", s.Endpoint); err != nil {
			return err
		}
	}
	return s.validateStores()
}

func (s S3) validateStores() error {
	for _, store := range slices.Sorted(maps.Keys(s.Stores)) {
		option := "s3.stores." + store
		if !ticket.ValidID(store) {
			return invalid(option, "store %q does not match [a-z0-9][a-z0-9._-]{0,62}", store)
		}
		if err := validateEndpoint(option+".endpoint", s.Stores[store].Endpoint); err != nil {
			return err
		}
	}
	return nil
}

func validateEndpoint(option, endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return invalid(option, "is needed")
	case err != nil:
		return invalid(option, "%q is not a URL", endpoint)
	case u.Scheme != "https" || u.Host == "":
		return invalid(option, "%q is not an https:// URL; rigs refuse anything else", endpoint)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return invalid(option, "%q has more than a host", endpoint)
	case u.Host != strings.ToLower(u.Host):
		return invalid(option, "the host of %q is not in lower case", endpoint)
	}
	return nil
}

func (t Tickets) validate() error {
	if t.TTL < minTTL || t.TTL > ticket.MaxTTL {
		return invalid("tickets.ttl", "%s is not between %s and %s", t.TTL, minTTL, ticket.MaxTTL)
	}
	if _, err := ParseKeyTemplate(t.KeyTemplate); err != nil {
		return invalid("tickets.key_template", "%v", err)
	}
	if _, err := ParseCanaryTemplate(t.CanaryTemplate); err != nil {
		return invalid("tickets.canary_template", "%v", err)
	}
	if _, err := newMetadataFilter(t.Metadata); err != nil {
		return invalid("tickets.metadata", "%v", err)
	}
	return nil
}

func (p Policy) validate() error {
	switch {
	case p.MaxBytes < 1 || p.MaxBytes > s3MaxPut:
		return invalid("policy.max_bytes", "%d is not between 1 and %d", p.MaxBytes, s3MaxPut)
	case len(p.ContentTypes) == 0:
		return invalid("policy.content_types", "is empty, so that nothing would be accepted")
	case p.MaxCameras < 0:
		return invalid("policy.max_cameras", "%d is negative", p.MaxCameras)
	case p.FramesPerMinute < 0:
		return invalid("policy.frames_per_minute", "%d is negative", p.FramesPerMinute)
	case p.CanariesPerHour < 0 || p.CanariesPerHour > maxCanariesPerHour:
		return invalid("policy.canaries_per_hour", "%d is not between 0 and %d", p.CanariesPerHour, maxCanariesPerHour)
	case p.DailyFrames < 0 || p.DailyFrames > maxDailyFrames:
		return invalid("policy.daily_frames", "%d is not between 0 and %d", p.DailyFrames, maxDailyFrames)
	case p.DailyBytes != 0 && p.DailyBytes < p.MaxBytes:
		return invalid("policy.daily_bytes", "%d is less than max_bytes, %d, so that the largest frames would wait for ever", p.DailyBytes, p.MaxBytes)
	case p.DailyBytes > 0 && p.DailyFrames == 0:
		return invalid("policy.daily_bytes", "needs daily_frames as well")
	}
	for _, contentType := range p.ContentTypes {
		if !slices.Contains(ContentTypes(), contentType) {
			return invalid("policy.content_types", "%q is not one of %s", contentType, strings.Join(ContentTypes(), ", "))
		}
	}
	for store, cameras := range p.Cameras {
		if !ticket.ValidID(store) {
			return invalid("policy.cameras", "store %q does not match [a-z0-9][a-z0-9._-]{0,62}", store)
		}
		for _, camera := range cameras {
			if !ticket.ValidID(camera) {
				return invalid("policy.cameras", "camera %q of store %s does not match [a-z0-9][a-z0-9._-]{0,62}", camera, store)
			}
		}
	}
	return nil
}
