package backend

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/uploader/ticket"
)

// mustSign are the headers without which a ticket would be leave for something else.
var mustSign = []string{
	"content-length", "content-md5", "content-type", "if-none-match", "x-amz-checksum-sha256",
	"x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
}

func TestTicketSignsEverything(t *testing.T) {
	tests := []struct {
		name, token, endpoint string
		pathStyle             bool
		host, path            string
	}{
		{name: "public endpoint", host: "frames.s3.us-east-1.amazonaws.com", path: "/"},
		{name: "session credentials", token: "to/ken+=", host: "frames.s3.us-east-1.amazonaws.com", path: "/"},
		{name: "VPC interface endpoint", endpoint: "https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com",
			host: "frames.bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", path: "/"},
		{name: "path style on a port", endpoint: "https://127.0.0.1:7070", pathStyle: true,
			host: "127.0.0.1:7070", path: "/frames/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := testOptions()
			o.S3.Credentials = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", test.token)
			o.S3.Endpoint, o.S3.PathStyle = test.endpoint, test.pathStyle
			upload := frame("f", []byte("picture"))
			got := newSite(t, o).ticketFor(t, upload)

			u, err := url.Parse(got.URL)
			if err != nil {
				t.Fatal(err)
			}
			if u.Host != test.host || u.Path != test.path+got.Key {
				t.Errorf("%s%s, want %s%s", u.Host, u.Path, test.host, test.path+got.Key)
			}
			signed := strings.Split(u.Query().Get("X-Amz-SignedHeaders"), ";")
			wantMeta := []string{"x-amz-meta-camera", "x-amz-meta-captured-at", "x-amz-meta-rig",
				"x-amz-meta-store", "x-amz-meta-time-source", "x-amz-meta-width"}
			if want := len(mustSign) + len(wantMeta) + 1; len(signed) != want {
				t.Errorf("%d signed headers, want %d: %v", len(signed), want, signed)
			}
			for _, name := range append(wantMeta, mustSign...) {
				if !strings.Contains(";"+strings.Join(signed, ";")+";", ";"+name+";") {
					t.Errorf("%s is not signed", name)
				}
				if got.Headers[name] == "" {
					t.Errorf("%s has no value in the ticket", name)
				}
			}
			for parameter := range u.Query() {
				switch parameter {
				case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
					"X-Amz-Signature", "x-id":
				case "X-Amz-Security-Token":
					if test.token == "" {
						t.Error("a session token without a session")
					}
				default:
					t.Errorf("unexpected parameter %s", parameter)
				}
			}
		})
	}
}

func TestTicketEndsAfterItsTTL(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 20, 0, 0, time.UTC)
	o := testOptions()
	o.Now = func() time.Time { return now }
	o.Tickets.TTL = 3 * time.Minute
	b := mustBuild(t, o)
	got := issueOne(t, b)
	if want := now.Add(3 * time.Minute); !got.ExpiresAt.Equal(want) {
		t.Errorf("ends at %s, want %s", got.ExpiresAt, want)
	}
	if !strings.Contains(got.URL, "X-Amz-Date=20261122T012000Z&X-Amz-Expires=180&") {
		t.Error("the signature's time or life is another")
	}
}

// A signature ends with the session that made it, so that a ticket must not promise more.
func TestTicketEndsWithTheCredentials(t *testing.T) {
	now := time.Now()
	o := testOptions()
	o.Now = func() time.Time { return now }
	session := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "s", SessionToken: "t", CanExpire: true}
	o.S3.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return session, nil })

	session.Expires = now.Add(2 * time.Minute)
	got := issueOne(t, mustBuild(t, o))
	if got.ExpiresAt.After(session.Expires) || got.ExpiresAt.Before(session.Expires.Add(-3*time.Second)) {
		t.Errorf("ends at %s, the credentials at %s", got.ExpiresAt, session.Expires)
	}

	session.Expires = now.Add(10 * time.Second)
	_, err := mustBuild(t, o).answer(t.Context(), caller{Identity: ticket.Identity{Store: "s", Rig: "r"}}, oneUpload())
	if p := asProblem(err); p.status != http.StatusServiceUnavailable || p.code != CodeSigning {
		t.Errorf("error %v, want 503 %s", err, CodeSigning)
	}
}

func TestNoCredentials(t *testing.T) {
	o := testOptions()
	o.S3.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no role")
	})
	s := newSite(t, o)
	status, header, body := s.post(t, ticket.TicketsPath, requestBody(t, frame("f", []byte("x"))))
	wantProblem(t, status, header, body, http.StatusServiceUnavailable, CodeSigning)
	if header.Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q, want 10", header.Get("Retry-After"))
	}
	if strings.Contains(string(body), "no role") {
		t.Error("the client reads the reason of the credential chain")
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+HealthPath, nil)
	status, header, body = do(t, s.rig, request)
	wantProblem(t, status, header, body, http.StatusServiceUnavailable, CodeSigning)
}

// forgetful is an SDK that leaves a header unsigned, as some releases did.
type forgetful struct {
	*v4.Signer
	header string
	after  int // signs so many requests properly first
}

func (f *forgetful) PresignHTTP(
	ctx context.Context, found aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	if f.after--; f.after < 0 {
		if f.header == "content-length" {
			r.ContentLength = 0
		}
		r.Header.Del(f.header)
	}
	return f.Signer.PresignHTTP(ctx, found, r, payloadHash, service, region, at, options...)
}

func TestUnsignedHeaderFailsClosed(t *testing.T) {
	for _, header := range mustSign {
		t.Run(header, func(t *testing.T) {
			plain := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })

			_, err := build(t.Context(), testOptions(), &forgetful{Signer: plain, header: header})
			wantNotSigned(t, err)

			b, err := build(t.Context(), testOptions(), &forgetful{Signer: plain, header: header, after: 1})
			if err != nil {
				t.Fatal(err)
			}
			response, err := b.answer(t.Context(), caller{Identity: ticket.Identity{Store: "s", Rig: "r"}}, oneUpload())
			wantNotSigned(t, err)
			if asProblem(err).code != CodeUnsafeTicket || len(response.Tickets) != 0 {
				t.Errorf("%d tickets and %v, want none and %s", len(response.Tickets), err, CodeUnsafeTicket)
			}
		})
	}
}

func wantNotSigned(t *testing.T, err error) {
	t.Helper()
	var fault *ticket.Error
	if !errors.As(err, &fault) || fault.Fault != ticket.FaultNotSigned {
		t.Errorf("error %v, want the fault %s", err, ticket.FaultNotSigned)
	}
}

// The environment of a shared machine must not be able to send frames elsewhere.
func TestEndpointIsNotTakenFromTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "https://elsewhere.example.com")
	t.Setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example.com")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	o := testOptions()
	o.S3.Credentials = nil
	if got := mustBuild(t, o).Destination(); got.Host != "frames.s3.us-east-1.amazonaws.com" {
		t.Errorf("destination %s", got)
	}
}

func oneUpload() ticket.Request {
	return ticket.Request{Uploads: []ticket.Upload{frame("f", []byte("picture"))}}
}

func issueOne(t *testing.T, b *Backend) ticket.Ticket {
	t.Helper()
	response, err := b.answer(t.Context(), caller{Identity: ticket.Identity{TrustDomain: testDomain, Store: "s", Rig: "r"}}, oneUpload())
	if err != nil {
		t.Fatal(err)
	}
	return response.Tickets[0]
}
