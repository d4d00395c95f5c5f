package proof

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"shelfagent/agent/frame"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/lambdatest"
	"shelfagent/uploader/ticket"
)

// testFrame takes one frame the whole way, through the programs as they were deployed: their environment is what the
// cloud says that it is.
func testFrame(t *testing.T, s *site, w world) {
	cfg := load(t)
	s.keepTheAuthoritysKey(t, cfg, w)
	program := filepath.Join(t.TempDir(), "bootstrap")
	write(t, program, build(t, runtime.GOARCH))
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	mail := subscribe(t, cfg, w)

	body, upload := picture(t)
	given := s.ticket(t, s.function(t, cfg, program, w.functionName("tickets")), upload)
	if !strings.HasPrefix(given.Key, "raw/4711/") {
		t.Errorf("the key: %s", given.Key)
	}
	host := put(t, s.pki, os.Getenv("AWS_ENDPOINT_URL"), w.bucketName(), given, body)
	var hosts map[string]string
	if s.output(t, "upload_hosts", &hosts); host != hosts["4711"] {
		t.Errorf("the ticket is for %s; the rigs of the store were told to take %s", host, hosts["4711"])
	}

	messages := s.messages(t, cfg)
	if len(messages.Records) == 0 {
		t.Fatal("S3 told nobody of the frame")
	}
	pipeline := s.function(t, cfg, program, w.functionName("pipeline"))
	event, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	if answer := string(pipeline.Invoke(event)); strings.Contains(answer, "itemIdentifier") {
		t.Fatalf("the pipeline: %s\n%s", answer, pipeline.Log())
	}
	wantRecorded(t, cfg, w, given.Key, upload.SHA256)
	wantAnnounced(t, cfg, mail, given.Key, upload.SHA256)
}

// keepTheAuthoritysKey is what a person does once (README, key rotation).
func (s *site) keepTheAuthoritysKey(t *testing.T, cfg aws.Config, w world) {
	t.Helper()
	key, err := os.ReadFile(s.pki.CA.Key)
	if err != nil {
		t.Fatal(err)
	}
	ask(secretsmanager.NewFromConfig(cfg).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(w.names["ca_secret"]), SecretString: aws.String(string(key)),
	})).or(t)
}

// function starts the program with the environment of a function that is there.
func (s *site) function(t *testing.T, cfg aws.Config, program, name string) *lambdatest.Function {
	t.Helper()
	deployed := ask(lambda.NewFromConfig(cfg).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})).or(t)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), "LAMBDA_TASK_ROOT="+s.dir)
	for variable, value := range deployed.Environment.Variables {
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	return lambdatest.Start(t, cmd)
}

// picture is a frame as a rig sends it.
func picture(t *testing.T) ([]byte, ticket.Upload) {
	t.Helper()
	raw, err := os.ReadFile("../../../testdata/frames/camera.jpg")
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.New(raw, frame.Source{}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sha, md := sha256.Sum256(f.Bytes), md5.Sum(f.Bytes)
	return f.Bytes, ticket.Upload{
		Frame: "f", Camera: "cam-3", CapturedAt: time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC), Bytes: int64(len(f.Bytes)),
		ContentType: "image/jpeg", SHA256: hex.EncodeToString(sha[:]), MD5: hex.EncodeToString(md[:]),
	}
}

// ticket asks as the gateway does, for a rig of store 4711.
func (s *site) ticket(t *testing.T, function *lambdatest.Function, upload ticket.Upload) ticket.Ticket {
	t.Helper()
	rig, err := s.pki.ClientTLS(devpki.Rig{Store: "4711", Rig: "left"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(ticket.Request{Uploads: []ticket.Upload{upload}})
	if err != nil {
		t.Fatal(err)
	}
	request := events.APIGatewayProxyRequest{
		HTTPMethod: http.MethodPost, Path: ticket.TicketsPath, Headers: map[string]string{"content-type": "application/json"}, Body: string(body),
	}
	request.RequestContext.Identity.ClientCert = &events.APIGatewayCustomAuthorizerRequestTypeRequestIdentityClientCert{
		ClientCertPem: pemOf(rig.Certificates[0].Certificate[0]),
	}
	event, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(function.Invoke(event), &response); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("no ticket: %+v, %v\n%s", response, err, function.Log())
	}
	var tickets ticket.Response
	if err := json.Unmarshal([]byte(response.Body), &tickets); err != nil || len(tickets.Tickets) != 1 {
		t.Fatalf("no ticket: %s, %v", response.Body, err)
	}
	return tickets.Tickets[0]
}

// put uses the ticket as it stands. Its host is the VPC endpoint's; here that leads to a door, which hands the request
// to moto as S3 would take it. It returns the host that was asked.
func put(t *testing.T, pki *devpki.PKI, cloud, bucket string, given ticket.Ticket, body []byte) (host string) {
	t.Helper()
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		host = r.In.Host
		r.SetURL(target)
		r.Out.Host, r.Out.URL.Path, r.Out.URL.RawPath = target.Host, "/"+bucket+r.In.URL.Path, ""
		if r.In.Header.Get("X-Amz-Checksum-Sha256") != "" {
			r.Out.Header.Set("X-Amz-Sdk-Checksum-Algorithm", "SHA256") // without it moto does not keep the checksum
		}
	}})
	if door.TLS, err = pki.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	door.TLS.ClientAuth = tls.NoClientCert
	door.StartTLS()
	defer door.Close()
	transport := &http.Transport{
		DialContext: dialTo(door.Listener.Addr().String()),
		// The door's certificate is of another name; whose it is does not matter here.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), given.Method, given.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range given.Headers {
		request.Header.Set(name, value)
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the PUT: %s %s %v", answer.Status, said, err)
	}
	return host
}

// messages takes what S3 wrote into the queue, as Lambda takes it.
func (s *site) messages(t *testing.T, cfg aws.Config) (event events.SQSEvent) {
	t.Helper()
	var queue string
	s.output(t, "queue_url", &queue)
	for _, m := range receive(t, cfg, queue) {
		event.Records = append(event.Records, events.SQSMessage{MessageId: *m.MessageId, EventSource: "aws:sqs", Body: *m.Body})
	}
	return event
}
