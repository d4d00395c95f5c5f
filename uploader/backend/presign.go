package backend

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"shelfagent/uploader/ticket"
)

const (
	// credentialsTimeout bounds the search for credentials; the chain may ask the network.
	credentialsTimeout = 5 * time.Second
	credentialsRetry   = 10 * time.Second
	// amzDate is the form of X-Amz-Date (AWS Signature Version 4).
	amzDate = "20060102T150405Z"
)

// presigner makes tickets and proves each one before it leaves.
type presigner struct {
	credentials aws.CredentialsProvider
	bucket      string
	keyARN      string
	ttl         time.Duration
	now         func() time.Time
	places      map[string]place // by endpoint
	endpoint    func(store string) string
}

// place is one S3 endpoint. The host is signed, so that each has a client of its own.
type place struct {
	client      *s3.PresignClient
	destination ticket.Destination // learned by selfCheck; every later ticket must point there too
}

func newPresigner(ctx context.Context, o Options, signer s3.HTTPPresignerV4) (*presigner, error) {
	provider := o.S3.Credentials
	if provider == nil {
		// The region is ours, so that the chain's own requests (STS) do not depend on the environment.
		cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.S3.Region))
		if err != nil {
			return nil, fmt.Errorf("AWS configuration: %w", err)
		}
		provider = cfg.Credentials
	}
	p := &presigner{
		credentials: aws.NewCredentialsCache(provider),
		bucket:      o.S3.Bucket,
		keyARN:      o.S3.KMSKeyARN,
		ttl:         o.Tickets.TTL.Truncate(time.Second),
		now:         o.Now,
		places:      map[string]place{},
		endpoint:    o.S3.endpoint,
	}
	endpoints := []string{o.S3.Endpoint}
	for _, store := range slices.Sorted(maps.Keys(o.S3.Stores)) {
		endpoints = append(endpoints, o.S3.endpoint(store))
	}
	for _, endpoint := range endpoints {
		if _, checked := p.places[endpoint]; checked {
			continue
		}
		destination, err := p.selfCheck(ctx, o.S3, endpoint, signer)
		if err != nil {
			return nil, fmt.Errorf("self-check of endpoint %q: %w", endpoint, err)
		}
		p.places[endpoint] = place{newClient(o.S3, endpoint, p.credentials, signer), destination}
	}
	return p, nil
}

// newClient uses s3.New, not NewFromConfig, which would take an endpoint from the environment.
func newClient(o S3, endpoint string, provider aws.CredentialsProvider, signer s3.HTTPPresignerV4) *s3.PresignClient {
	options := s3.Options{
		Region:                      o.Region,
		Credentials:                 provider,
		UsePathStyle:                o.PathStyle,
		DisableS3ExpressSessionAuth: aws.Bool(true),
	}
	if endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
	}
	return s3.NewPresignClient(s3.New(options), func(presign *s3.PresignOptions) { presign.Presigner = signer })
}

// selfCheck signs one ticket for an endpoint with made-up credentials, and learns where it points: a build whose
// SDK leaves something unsigned must not start. (The SDK before v1.43.7 put the checksum into the query, where
// servers ignore it.)
func (p *presigner) selfCheck(ctx context.Context, o S3, endpoint string, signer s3.HTTPPresignerV4) (ticket.Destination, error) {
	at := place{client: newClient(o, endpoint, credentials.NewStaticCredentialsProvider("SELFCHECK", "selfcheck", ""), signer)}
	upload := ticket.Upload{
		Frame: "self-check", Bytes: 1, ContentType: "image/jpeg",
		SHA256: strings.Repeat("0", 64), MD5: strings.Repeat("0", 32),
	}
	key := ticket.FramePrefix + "self-check/" + upload.SHA256
	presigned, err := p.presign(ctx, at, upload, key, nil, p.ttl)
	if err != nil {
		return ticket.Destination{}, err
	}
	target, err := url.Parse(presigned.URL)
	if err != nil {
		return ticket.Destination{}, fmt.Errorf("the SDK made no URL for bucket %s", p.bucket)
	}
	at.destination.Host = target.Host
	if o.PathStyle {
		at.destination.Bucket = p.bucket
	}
	_, err = p.prove(presigned, at, ticket.Identity{Store: "self-check"}, upload, key, p.ttl)
	return at.destination, err
}

// issue makes the ticket for one upload.
func (p *presigner) issue(
	ctx context.Context, id ticket.Identity, u ticket.Upload, key string, metadata map[string]string, ttl time.Duration,
) (ticket.Ticket, error) {
	at := p.places[p.endpoint(id.Store)]
	presigned, err := p.presign(ctx, at, u, key, metadata, ttl)
	if err != nil {
		return ticket.Ticket{}, cannotSign(err)
	}
	issued, err := p.prove(presigned, at, id, u, key, ttl)
	if err != nil {
		return ticket.Ticket{}, fail(http.StatusInternalServerError, CodeUnsafeTicket,
			"the ticket failed the backend's own check and was thrown away").because(err)
	}
	return issued, nil
}

func (p *presigner) presign(
	ctx context.Context, at place, u ticket.Upload, key string, metadata map[string]string, ttl time.Duration,
) (*v4.PresignedHTTPRequest, error) {
	return at.client.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket:               aws.String(p.bucket),
		Key:                  aws.String(key),
		ContentLength:        aws.Int64(u.Bytes),
		ContentType:          aws.String(u.ContentType),
		ContentMD5:           aws.String(ticket.ContentMD5(u.MD5)),
		ChecksumSHA256:       aws.String(ticket.ChecksumSHA256(u.SHA256)),
		IfNoneMatch:          aws.String("*"),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms,
		SSEKMSKeyId:          aws.String(p.keyARN),
		Metadata:             metadata,
	}, s3.WithPresignExpires(ttl))
}

// prove turns what the SDK signed into a ticket, if a rig that expects this key and this destination would
// take it. The error holds no part of the URL's query.
func (p *presigner) prove(
	presigned *v4.PresignedHTTPRequest, at place, id ticket.Identity, u ticket.Upload, key string, ttl time.Duration,
) (ticket.Ticket, error) {
	signedAt, err := signingTime(presigned.URL)
	if err != nil {
		return ticket.Ticket{}, fmt.Errorf("the SDK signed no time for %s", key)
	}
	issued := ticket.Ticket{
		Frame:     u.Frame,
		Method:    presigned.Method,
		URL:       presigned.URL,
		Key:       key,
		Headers:   map[string]string{},
		ExpiresAt: signedAt.Add(ttl),
	}
	for name, values := range presigned.SignedHeader {
		if name = strings.ToLower(name); name != "host" {
			issued.Headers[name] = strings.Join(values, ",")
		}
	}
	rig := ticket.Policy{
		Destinations: []ticket.Destination{at.destination},
		Store:        id.Store,
		KMSKeyARN:    p.keyARN,
		Now:          p.now,
	}
	if _, err := rig.Verify(issued, u); err != nil {
		return ticket.Ticket{}, err
	}
	return issued, nil
}

// signingTime reads X-Amz-Date without parsing the URL, which Verify does once more and thoroughly.
func signingTime(presigned string) (time.Time, error) {
	_, after, _ := strings.Cut(presigned, "X-Amz-Date=")
	return time.Parse(amzDate, after[:min(len(after), len(amzDate))])
}

// lifetime is how long a ticket that is signed now may live: a signature ends with its credentials,
// whatever X-Amz-Expires says.
func (p *presigner) lifetime(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	found, err := p.credentials.Retrieve(ctx)
	if err != nil {
		return 0, cannotSign(err)
	}
	ttl := p.ttl
	if found.CanExpire {
		ttl = min(ttl, found.Expires.Sub(p.now()).Truncate(time.Second))
	}
	if ttl < minTTL {
		return 0, cannotSign(fmt.Errorf("they end at %s", found.Expires.UTC().Format(time.RFC3339)))
	}
	return ttl, nil
}

func cannotSign(cause error) error {
	return fail(http.StatusServiceUnavailable, CodeSigning, "the backend cannot sign tickets now").
		after(credentialsRetry).because(cause)
}

// clockedSigner signs for the time that the rest of the backend believes in.
type clockedSigner struct {
	*v4.Signer
	now func() time.Time
}

func newSigner(now func() time.Time) s3.HTTPPresignerV4 {
	if now == nil {
		now = time.Now
	}
	// S3 wants the path as it is sent, not escaped once more (Signature Version 4, canonical URI).
	return clockedSigner{v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), now}
}

func (s clockedSigner) PresignHTTP(
	ctx context.Context, found aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time,
	options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return s.Signer.PresignHTTP(ctx, found, r, payloadHash, service, region, s.now(), options...)
}
