package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// TestHeartbeatSaysNoMoreThanItMust: what is for people on the rig stays there.
func TestHeartbeatSaysNoMoreThanItMust(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC)
	beat := heartbeat(status.Snapshot{
		Verdict: status.Down, At: at, Version: "1.4.0", Started: at, Page: "http://secret/",
		Conditions: []status.Condition{{Code: "link_down", Severity: "critical", Title: "secret", Detail: "secret", Meaning: "secret", Do: "secret", Since: at}},
		Cameras:    []status.Camera{{ID: "cam-1", LastFrame: at, Admitted: 1, Rejected: 2, Files: 3, Waiting: 4, Parked: 5, Delivered: 6}},
		Queue:      status.Queue{Waiting: 1, Parked: 2, Delivered: 3, Bytes: 4, MaxBytes: 5, Oldest: at},
		Link: status.Link{
			Up: true, Reason: "secret", S3Address: "secret", BackendAddress: "secret", BytesPerSecond: 6, LastDelivered: at,
			CertificateExpires: at, Limit: &status.Limit{Paused: true},
		},
		Disk: status.Disk{Free: 7, Total: 8},
	})
	got, err := json.Marshal(beat)
	if err != nil {
		t.Fatal(err)
	}
	const when = `"2026-11-22T01:18:03Z"`
	want := `{"at":` + when + `,"version":"1.4.0","started":` + when + `,"verdict":"down","queue":{"waiting":1,"parked":2,"delivered":3,"bytes":4,` +
		`"max_bytes":5,"oldest":` + when + `},"disk":{"free":7,"total":8},"link":{"up":true,"paused":true,"bytes_per_second":6,"last_delivered":` + when +
		`,"certificate_expires":` + when + `},"cameras":[{"camera":"cam-1","last_frame":` + when + `,"admitted":1,"rejected":2,"waiting":4,"parked":5}],` +
		`"conditions":[{"code":"link_down","severity":"critical","since":` + when + `}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAnAgentThatCannotUploadIsHeard: no ticket is given, and the backend knows that the rig is alive, what is wrong, and
// what waits.
func TestAnAgentThatCannotUploadIsHeard(t *testing.T) {
	s := newShop(t)
	c := s.configuration()
	pki, err := devpki.Create(s.path("pki-2"), devpki.Options{Rigs: []devpki.Rig{{Store: "store-7", Rig: "rig-1"}}})
	if err != nil {
		t.Fatal(err)
	}
	beats := make(chan ticket.Heartbeat, 9)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != ticket.HeartbeatPath || len(r.TLS.PeerCertificates) != 1 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var beat ticket.Heartbeat
		if err := json.NewDecoder(r.Body).Decode(&beat); err != nil {
			t.Error(err)
		}
		beats <- beat
		_ = json.NewEncoder(w).Encode(ticket.HeartbeatAnswer{Time: time.Now().Add(time.Hour)})
	}))
	if server.TLS, err = pki.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	defer server.Close()
	identity := pki.RigFiles(devpki.Rig{Store: "store-7", Rig: "rig-1"})
	c.Backend.URL, c.Backend.CA = server.URL, s.path("pki-2", "ca.pem")
	c.Backend.Certificate, c.Backend.Key = identity.Cert, identity.Key

	a, err := Open(t.Context(), c, Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case beat := <-beats:
		if beat.Version != "test" || beat.Verdict == "" || beat.Disk.Total == 0 || beat.Link.CertificateExpires.IsZero() {
			t.Errorf("%+v", beat)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the backend hears nothing")
	}
	deadline := time.After(20 * time.Second)
	for {
		link := a.Snapshot().Link
		if !link.LastHeartbeat.IsZero() && link.ClockOffset != nil && *link.ClockOffset > 3590 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("the answer is not noted: %+v", link)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if said := a.Snapshot().Conditions; !strings.Contains(codes(said), "clock_wrong") {
		t.Errorf("conditions %s", codes(said))
	}
}

func codes(conditions []status.Condition) string {
	var list []string
	for _, c := range conditions {
		list = append(list, c.Code)
	}
	return strings.Join(list, " ")
}
