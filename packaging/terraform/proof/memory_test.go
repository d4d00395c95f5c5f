package proof

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// memory is in front of moto, and remembers for it what moto 5.2 cannot keep. Of these settings it is only seen that
// Terraform has sent them:
//
//   - a bucket's policy: moto knows no conditions, and would refuse every object
//   - where a bucket's access log goes: moto looks into the target's policy, and fails on the principal "*"
//   - whose dead letters a queue takes: moto has no such attribute
type memory struct {
	cloud http.Handler
	mu    sync.Mutex
	kept  map[string][]byte // guarded by mu; by the path of a bucket and the setting, or by the URL of a queue
}

const redriveAllowPolicy = "RedriveAllowPolicy"

// remembered are the settings of a bucket, with what S3 says when there is none.
var remembered = map[string]string{
	"policy":  `<Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not exist</Message></Error>`,
	"logging": `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`,
}

// remember puts a memory in front of the cloud, and returns its URL.
func remember(t *testing.T, cloud string) string {
	t.Helper()
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&memory{cloud: httputil.NewSingleHostReverseProxy(target), kept: map[string][]byte{}})
	t.Cleanup(server.Close)
	return server.URL
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for setting, absent := range remembered {
		if r.URL.Query().Has(setting) {
			m.bucket(w, r, r.URL.Path+"?"+setting, absent)
			return
		}
	}
	switch r.Header.Get("X-Amz-Target") {
	case "AmazonSQS.SetQueueAttributes", "AmazonSQS.GetQueueAttributes":
		m.queue(w, r)
	default:
		m.cloud.ServeHTTP(w, r)
	}
}

func (m *memory) bucket(w http.ResponseWriter, r *http.Request, name, absent string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		m.kept[name] = body
	case http.MethodDelete:
		delete(m.kept, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		kept, there := m.kept[name]
		if !there {
			if kept = []byte(absent); bytes.HasPrefix(kept, []byte("<Error>")) {
				w.WriteHeader(http.StatusNotFound)
			}
		}
		_, _ = w.Write(kept)
	}
}

// queue takes and answers the one attribute itself; the others are moto's.
func (m *memory) queue(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var asked struct {
		QueueURL       string `json:"QueueUrl"`
		Attributes     map[string]string
		AttributeNames []string
	}
	if err != nil || json.Unmarshal(body, &asked) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if policy, sets := asked.Attributes[redriveAllowPolicy]; sets { // a resource of its own: nothing else is in it
		m.kept[asked.QueueURL] = []byte(policy)
		return
	}
	answer := httptest.NewRecorder()
	if !slices.Equal(asked.AttributeNames, []string{redriveAllowPolicy}) {
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.cloud.ServeHTTP(answer, r)
	}
	var said struct{ Attributes map[string]string }
	kept, there := m.kept[asked.QueueURL]
	if !there || answer.Code != http.StatusOK || answer.Body.Len() > 0 && json.Unmarshal(answer.Body.Bytes(), &said) != nil {
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
		return
	}
	if said.Attributes == nil {
		said.Attributes = map[string]string{}
	}
	said.Attributes[redriveAllowPolicy] = string(kept)
	_ = json.NewEncoder(w).Encode(said)
}
