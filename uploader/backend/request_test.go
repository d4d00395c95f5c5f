package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

func requestBody(t testing.TB, uploads ...ticket.Upload) []byte {
	t.Helper()
	body, err := json.Marshal(ticket.Request{Uploads: uploads})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func frames(n int) []ticket.Upload {
	uploads := make([]ticket.Upload, n)
	for i := range uploads {
		uploads[i] = frame(fmt.Sprintf("f%d", i), []byte{byte(i)})
	}
	return uploads
}

func TestHostileRequests(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		with := func(change func(*ticket.Upload)) []byte {
			u := frame("f", []byte("picture"))
			change(&u)
			return requestBody(t, u)
		}
		good := requestBody(t, frame("f", []byte("picture")))
		tests := []struct {
			name   string
			body   []byte
			status int
			code   string
		}{
			{"empty body", nil, 400, CodeMalformed},
			{"not JSON", []byte("uploads: []"), 400, CodeMalformed},
			{"an array", []byte("[]"), 400, CodeMalformed},
			{"null", []byte("null"), 400, CodeUploads},
			{"cut off", good[:len(good)-2], 400, CodeMalformed},
			{"two values", append(bytes.Clone(good), good...), 400, CodeMalformed},
			{"nested 100,000 deep", []byte(strings.Repeat("[", 100_000)), 400, CodeMalformed},
			{"length as text", []byte(`{"uploads":[{"bytes":"7"}]}`), 400, CodeMalformed},
			{"length beyond 64 bits", []byte(`{"uploads":[{"bytes":1e30}]}`), 400, CodeMalformed},
			{"no uploads", []byte(`{"uploads":[]}`), 400, CodeUploads},
			{"65 uploads", requestBody(t, frames(65)...), 400, CodeUploads},
			{"too many bytes", []byte(`{"x":"` + strings.Repeat("x", ticket.MaxRequestBytes) + `"}`), 413, CodeRequestTooLarge},
			{"too many bytes after the value", append(bytes.Clone(good), bytes.Repeat([]byte(" "), ticket.MaxRequestBytes)...), 413, CodeRequestTooLarge},
			{"the same frame twice", requestBody(t, frame("f", []byte("a")), frame("f", []byte("b"))), 400, CodeDuplicateFrame},
			{"empty upload", []byte(`{"uploads":[{}]}`), 400, CodeUpload},
			{"no frame", with(func(u *ticket.Upload) { u.Frame = "" }), 400, CodeUpload},
			{"frame with a line break", with(func(u *ticket.Upload) { u.Frame = "f\nadmin" }), 400, CodeUpload},
			{"frame of 257 bytes", with(func(u *ticket.Upload) { u.Frame = strings.Repeat("f", 257) }), 400, CodeUpload},
			{"camera that climbs", with(func(u *ticket.Upload) { u.Camera = "../0815" }), 400, CodeUpload},
			{"camera with a slash", with(func(u *ticket.Upload) { u.Camera = "a/b" }), 400, CodeUpload},
			{"camera in upper case", with(func(u *ticket.Upload) { u.Camera = "Cam" }), 400, CodeUpload},
			{"camera as a placeholder", with(func(u *ticket.Upload) { u.Camera = "{store}" }), 400, CodeUpload},
			{"no capture time", with(func(u *ticket.Upload) { u.CapturedAt = time.Time{} }), 400, CodeUpload},
			{"captured before 1970", with(func(u *ticket.Upload) { u.CapturedAt = time.Unix(-1, 0) }), 400, CodeUpload},
			{"captured in 2200", with(func(u *ticket.Upload) { u.CapturedAt = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }), 400, CodeUpload},
			{"capture time that is none", []byte(`{"uploads":[{"captured_at":"yesterday"}]}`), 400, CodeMalformed},
			{"0 bytes", with(func(u *ticket.Upload) { u.Bytes = 0 }), 400, CodeUpload},
			{"negative length", with(func(u *ticket.Upload) { u.Bytes = -1 }), 400, CodeUpload},
			{"type with a line break", with(func(u *ticket.Upload) { u.ContentType = "image/jpeg\r\nx-amz-acl: public-read" }), 400, CodeUpload},
			{"type with a parameter", with(func(u *ticket.Upload) { u.ContentType = "image/jpeg; a=b" }), 400, CodeUpload},
			{"no type", with(func(u *ticket.Upload) { u.ContentType = "" }), 400, CodeUpload},
			{"SHA-256 in upper case", with(func(u *ticket.Upload) { u.SHA256 = strings.ToUpper(u.SHA256) }), 400, CodeUpload},
			{"SHA-256 with a line break", with(func(u *ticket.Upload) { u.SHA256 += "\n" }), 400, CodeUpload},
			{"short MD5", with(func(u *ticket.Upload) { u.MD5 = u.MD5[1:] }), 400, CodeUpload},
			{"metadata with a line break", with(func(u *ticket.Upload) { u.Metadata["width"] = "1\r\nx-amz-acl: public-read" }), 400, CodeUpload},
			{"metadata that is not ASCII", with(func(u *ticket.Upload) { u.Metadata["width"] = "größer" }), 400, CodeUpload},
			{"metadata that a signature would trim", with(func(u *ticket.Upload) { u.Metadata["width"] = " 1" }), 400, CodeUpload},
			{"metadata of 129 bytes", with(func(u *ticket.Upload) { u.Metadata["width"] = strings.Repeat("1", 129) }), 400, CodeUpload},
			{"metadata name with a colon and a space", with(func(u *ticket.Upload) { u.Metadata["a: b"] = "1" }), 400, CodeUpload},
			{"65 members of metadata", with(func(u *ticket.Upload) {
				for i := range 65 {
					u.Metadata[fmt.Sprint(i)] = "1"
				}
			}), 400, CodeUpload},
		}
		s := newSite(t, testOptions())
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				status, header, body := s.post(t, ticket.TicketsPath, test.body)
				wantProblem(t, status, header, body, test.status, test.code)
			})
		}
	})
}

func TestProtocolProblems(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		good := requestBody(t, frame("f", []byte("picture")))
		tests := []struct {
			name, method, path string
			header             http.Header
			status             int
			code               string
		}{
			{"unknown path", "POST", "/v2/tickets", nil, 404, CodeNotFound},
			{"path with dot segments", "POST", "/v1/../v1/tickets", nil, 404, CodeNotFound},
			{"trailing slash", "POST", "/v1/tickets/", nil, 404, CodeNotFound},
			{"GET of tickets", "GET", "/v1/tickets", nil, 405, CodeMethod},
			{"DELETE of tickets", "DELETE", "/v1/tickets", nil, 405, CodeMethod},
			{"POST of health", "POST", "/healthz", nil, 405, CodeMethod},
			{"no type", "POST", "/v1/tickets", http.Header{}, 415, CodeMediaType},
			{"a form", "POST", "/v1/tickets", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415, CodeMediaType},
			{"compressed", "POST", "/v1/tickets",
				http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, 415, CodeMediaType},
			{"heartbeat that is no object", "POST", "/v1/heartbeat", http.Header{"Content-Type": {"application/json"}}, 400, CodeMalformed},
		}
		s := newSite(t, testOptions())
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				body := good
				if test.path == ticket.HeartbeatPath {
					body = []byte(`[1]`)
				}
				request, err := http.NewRequestWithContext(t.Context(), test.method, s.url+test.path, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				request.Header = test.header
				status, header, answer := do(t, s.rig, request)
				wantProblem(t, status, header, answer, test.status, test.code)
				if test.status == 405 && header.Get("Allow") == "" {
					t.Error("405 without Allow")
				}
			})
		}
	})
}

func TestUnknownMembersAreIgnored(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		body := bytes.Replace(requestBody(t, frame("f", []byte("x"))), []byte(`{"uploads"`), []byte(`{"store":"0815","uploads"`), 1)
		status, _, answer := newSite(t, testOptions()).post(t, ticket.TicketsPath, body)
		if status != http.StatusOK || !bytes.Contains(answer, []byte(`"key":"raw/4711/`)) {
			t.Errorf("status %d: the store must be the certificate's", status)
		}
	})
}

func TestHeartbeatTellsTheTime(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		now := time.Now().In(time.FixedZone("CET", 3600))
		o.Now = func() time.Time { return now }
		status, _, answer := newSite(t, o).post(t, ticket.HeartbeatPath, []byte(`{"version":"1.0.0","queue":{"waiting":3}}`))
		want := `{"time":"` + now.UTC().Format("2006-01-02T15:04:05.000") + `Z"}` + "\n"
		if status != http.StatusOK || string(answer) != want {
			t.Errorf("status %d, %q, want %q", status, answer, want)
		}
	})
}

func TestHealth(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		s := newSite(t, testOptions())
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+HealthPath, nil)
		if status, _, body := do(t, s.rig, request); status != http.StatusOK {
			t.Errorf("status %d: %s", status, body)
		}
	})
}

func TestFullAnswerFitsTheContract(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		status, header, body := newSite(t, testOptions()).post(t, ticket.TicketsPath, requestBody(t, frames(ticket.MaxUploads)...))
		if status != http.StatusOK || len(body) > ticket.MaxResponseBytes {
			t.Errorf("status %d, %d bytes, want at most %d", status, len(body), ticket.MaxResponseBytes)
		}
		if header.Get("Cache-Control") != "no-store" {
			t.Error("tickets may be cached")
		}
	})
}

// FuzzTickets holds two things: no request panics or gets 5xx, and every ticket that leaves is one that the
// asking rig would take.
func FuzzTickets(f *testing.F) {
	f.Add(requestBody(f, frame("f", []byte("picture"))))
	f.Add(requestBody(f, frames(3)...))
	f.Add([]byte(`{"uploads":[{"frame":"a","camera":"b","captured_at":"2026-11-22T01:18:03.123Z","bytes":1}]}`))
	f.Add([]byte(`{"uploads":null}`))
	b := mustBuild(f, testOptions())
	id := ticket.Identity{TrustDomain: testDomain, Store: "4711", Rig: "left"}
	rig := ticket.Policy{Destinations: []ticket.Destination{b.Destination(id.Store)}, Store: id.Store, KMSKeyARN: testKeyARN, Now: time.Now}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, ticket.TicketsPath, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		request, err := decodeTickets(httptest.NewRecorder(), r)
		if err != nil {
			if p := asProblem(err); p.status < 400 || p.status > 499 {
				t.Fatalf("status %d for %q: %v", p.status, body, err)
			}
			return
		}
		response, err := b.answer(t.Context(), caller{Identity: id}, request)
		if err != nil {
			t.Fatalf("%v: %v for %q", err, asProblem(err).cause, body)
		}
		if len(response.Tickets)+len(response.Refusals) != len(request.Uploads) {
			t.Fatalf("%d tickets and %d refusals for %d uploads", len(response.Tickets), len(response.Refusals), len(request.Uploads))
		}
		uploads := map[string]ticket.Upload{}
		for _, upload := range request.Uploads {
			uploads[upload.Frame] = upload
		}
		for _, issued := range response.Tickets {
			if _, err := rig.Verify(issued, uploads[issued.Frame]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestP9_ManyEmptyUploadsTakeNoMemory: a body has room for ninety thousand of them.
func TestP9_ManyEmptyUploadsTakeNoMemory(t *testing.T) {
	body := `{"uploads":[` + strings.Repeat("{},", ticket.MaxRequestBytes/3-10) + `{}]}`
	request := httptest.NewRequest(http.MethodPost, ticket.TicketsPath, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decodeTickets(httptest.NewRecorder(), request)
	runtime.ReadMemStats(&after)
	var said *problem
	if !errors.As(err, &said) || said.code != CodeUploads {
		t.Errorf("%v", err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 8*ticket.MaxRequestBytes {
		t.Errorf("%d bytes were taken for a body of %d", taken, len(body))
	}
}
