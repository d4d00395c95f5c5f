package backend

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"shelfagent/uploader/backend/devpki"
)

// opener starts a backend in one of its homes, with everything that is in front of it there.
type opener func(*testing.T, Options) *site

// homes are what the contract holds for. front is how whatever ends TLS treats certificates: as configured rightly.
var homes = []struct {
	name string
	open func(t *testing.T, o Options, front tls.ClientAuthType) *site
}{
	{"standalone", openStandalone},
	{"alb", openALB},
	{"lambda", openLambda},
}

// inEachHome runs a part of the contract in every home.
func inEachHome(t *testing.T, test func(t *testing.T, newSite opener)) {
	for _, home := range homes {
		t.Run(home.name, func(t *testing.T) {
			test(t, func(t *testing.T, o Options) *site { return home.open(t, o, tls.RequireAndVerifyClientCert) })
		})
	}
}

// newSite is for tests of what no home changes.
func newSite(t *testing.T, o Options) *site {
	return openStandalone(t, o, tls.RequireAndVerifyClientCert)
}

func openStandalone(t *testing.T, o Options, front tls.ClientAuthType) *site {
	t.Helper()
	pki := newPKI(t)
	b, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return newDoor(t, b, pki, front, b)
}

// openALB puts a proxy that ends mutual TLS in front of the program's own server.
func openALB(t *testing.T, o Options, front tls.ClientAuthType) *site {
	t.Helper()
	pki := newPKI(t)
	o.Home = ALB{Authority: pki.Pool(), Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	b, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(serveTarget(t, b))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			setLeafHeaders(r.Out.Header, r.In.TLS)
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	return newDoor(t, b, pki, front, proxy)
}

// serveTarget is what the load balancer's target group points at: plain HTTP, by Serve.
func serveTarget(t *testing.T, b *Backend) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- Serve(ctx, l, nil, b, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// setLeafHeaders writes what an ALB in verify mode writes, over whatever the client sent.
func setLeafHeaders(header http.Header, state *tls.ConnectionState) {
	for name := range header {
		if strings.HasPrefix(name, "X-Amzn-Mtls-") {
			header.Del(name)
		}
	}
	if state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	leaf := state.PeerCertificates[0]
	header.Set("X-Amzn-Mtls-Clientcert-Serial-Number", strings.ToUpper(leaf.SerialNumber.Text(16)))
	header.Set("X-Amzn-Mtls-Clientcert-Issuer", leaf.Issuer.String())
	header.Set("X-Amzn-Mtls-Clientcert-Subject", leaf.Subject.String())
	header.Set("X-Amzn-Mtls-Clientcert-Validity", fmt.Sprintf("NotBefore=%s;NotAfter=%s",
		leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339)))
	header.Set("X-Amzn-Mtls-Clientcert-Leaf", leafHeaderValue(pemOf(leaf.Raw)))
}

// leafHeaderValue percent-encodes all but unreserved characters and + = /.
func leafHeaderValue(text string) string {
	return strings.NewReplacer("%2B", "+", "%3D", "=", "%2F", "/", "+", "%20").Replace(url.QueryEscape(text))
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// openLambda puts a gateway in front of the real event loop of aws-lambda-go, which fetches its events from a
// Runtime API on loopback.
func openLambda(t *testing.T, o Options, front tls.ClientAuthType) *site {
	t.Helper()
	pki := newPKI(t)
	o.Home = Lambda{Authority: pki.Pool()}
	b, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	api := startRuntime(t, func() { ServeLambda(context.Background(), b) })
	return newDoor(t, b, pki, front, gateway{t, api})
}

// runtimeAPI is the part of Lambda's Runtime API that an event loop uses.
type runtimeAPI struct{ invocations chan invocation }

type invocation struct {
	event  []byte
	result chan result
}

type result struct {
	failed bool
	body   []byte
}

// startRuntime runs an event loop. By design such a loop ends with its process and not before, so that it is left
// waiting for an event that never comes, and its server is never closed.
func startRuntime(t *testing.T, loop func()) *runtimeAPI {
	t.Helper()
	api := &runtimeAPI{invocations: make(chan invocation)}
	asked := make(chan struct{}, 1)
	var pending invocation // the loop is one: it asks, answers, and asks again
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if action == "next" {
			select {
			case asked <- struct{}{}:
			default:
			}
			pending = <-api.invocations
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Write(pending.event)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		pending.result <- result{failed: action != "response", body: body}
	}))
	t.Setenv("AWS_LAMBDA_RUNTIME_API", strings.TrimPrefix(server.URL, "http://"))
	go loop()
	<-asked
	return api
}

func (api *runtimeAPI) invoke(event []byte) result {
	done := make(chan result, 1)
	api.invocations <- invocation{event, done}
	return <-done
}

// gateway turns requests into events and answers into responses, as a REST API with Lambda proxy integration does.
type gateway struct {
	t   *testing.T
	api *runtimeAPI
}

func (g gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	event := eventOf(r, body)
	encoded, err := json.Marshal(event)
	if err != nil {
		g.t.Error(err)
	}
	done := g.api.invoke(encoded)
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(done.body, &response); done.failed || err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	for name, values := range response.MultiValueHeaders {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	io.WriteString(w, response.Body)
}

// newPKI is an authority, a server and one rig.
func newPKI(t *testing.T) *devpki.PKI {
	t.Helper()
	pki, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain, Rigs: []devpki.Rig{testRig}})
	if err != nil {
		t.Fatal(err)
	}
	return pki
}

// newDoor ends TLS in front of the handler.
func newDoor(t *testing.T, b *Backend, pki *devpki.PKI, front tls.ClientAuthType, handler http.Handler) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	var err error
	if server.TLS, err = pki.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	server.TLS.ClientAuth = front
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	t.Cleanup(server.Close)
	clientTLS, err := pki.ClientTLS(testRig)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: clientTLS}
	t.Cleanup(transport.CloseIdleConnections)
	return &site{Backend: b, url: server.URL, pki: pki, rig: &http.Client{Transport: transport}}
}

// asBase64 is a header by which a test tells its gateway to encode the body.
const asBase64 = "X-Test-Base64"

// eventOf is the event of a request. Header names are in lower case, as an HTTP/2 client writes them.
func eventOf(r *http.Request, body []byte) events.APIGatewayProxyRequest {
	event := events.APIGatewayProxyRequest{
		Resource: "/{proxy+}", Path: r.URL.Path, HTTPMethod: r.Method,
		Headers: map[string]string{}, MultiValueHeaders: map[string][]string{}, Body: string(body),
	}
	if r.Header.Get(asBase64) != "" {
		event.Body, event.IsBase64Encoded = base64Of(body), true
	}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		event.Headers[name], event.MultiValueHeaders[name] = values[len(values)-1], values
	}
	identity := &event.RequestContext.Identity
	identity.SourceIP, _, _ = net.SplitHostPort(r.RemoteAddr)
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		identity.ClientCert = &events.APIGatewayCustomAuthorizerRequestTypeRequestIdentityClientCert{
			ClientCertPem: pemOf(r.TLS.PeerCertificates[0].Raw),
		}
	}
	return event
}
