package proof

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// memory is in front of moto and remembers for it two settings that it cannot keep, as they were written: where a
// bucket's access log goes (moto 5.2 fails on a target whose policy has the principal "*"), and whose dead letters a
// queue takes. So that of these two it is only seen that Terraform has sent them.
type memory struct {
	cloud   *httputil.ReverseProxy
	mu      sync.Mutex
	logging map[string][]byte // guarded by mu; by the bucket's path
	redrive map[string]string // guarded by mu; by the queue's URL
}

const (
	redriveAllowPolicy = "RedriveAllowPolicy"
	sqsSet             = "AmazonSQS.SetQueueAttributes"
	sqsGet             = "AmazonSQS.GetQueueAttributes"
	askedQueue         = "X-Test-Queue" // carries the queue of a question to its answer
)

// remember puts a memory in front of the cloud, and returns its URL.
func remember(t *testing.T, cloud string) string {
	t.Helper()
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{cloud: httputil.NewSingleHostReverseProxy(target), logging: map[string][]byte{}, redrive: map[string]string{}}
	m.cloud.ModifyResponse = m.addRedrive
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return server.URL
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch target := r.Header.Get("X-Amz-Target"); {
	case r.URL.Query().Has("logging"):
		m.serveLogging(w, r)
	case target == sqsSet, target == sqsGet:
		m.serveQueue(w, r, target)
	default:
		m.cloud.ServeHTTP(w, r)
	}
}

func (m *memory) serveLogging(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Method == http.MethodPut {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m.logging[r.URL.Path] = body
		return
	}
	body := m.logging[r.URL.Path]
	if body == nil {
		body = []byte(`<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`)
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(body)
}

// queueRequest is what both questions about a queue have.
type queueRequest struct {
	QueueURL   string            `json:"QueueUrl"`
	Attributes map[string]string `json:"Attributes"`
}

func (m *memory) serveQueue(w http.ResponseWriter, r *http.Request, target string) {
	body, err := io.ReadAll(r.Body)
	var asked queueRequest
	if err != nil || json.Unmarshal(body, &asked) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if policy, there := asked.Attributes[redriveAllowPolicy]; there && target == sqsSet {
		m.mu.Lock()
		m.redrive[asked.QueueURL] = policy
		m.mu.Unlock()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if target == sqsGet {
		r.Header.Set(askedQueue, asked.QueueURL)
	}
	m.cloud.ServeHTTP(w, r)
}

func (m *memory) addRedrive(answer *http.Response) error {
	m.mu.Lock()
	policy, there := m.redrive[answer.Request.Header.Get(askedQueue)]
	m.mu.Unlock()
	if !there || answer.StatusCode != http.StatusOK {
		return nil
	}
	var said map[string]map[string]string
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return err
	}
	if said["Attributes"] == nil {
		said = map[string]map[string]string{"Attributes": {}}
	}
	said["Attributes"][redriveAllowPolicy] = policy
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
