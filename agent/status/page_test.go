package status

import (
	"context"
	"errors"
	"html"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/trail"
)

// shown is a shop on a page: pictures, charts, a search, the last frames. Its times are around now.
func shown(s Snapshot) Options {
	move := time.Since(now)
	s.At, s.Started, s.HourlyFrom = time.Now().UTC(), s.Started.Add(move), time.Now().Truncate(time.Hour).Add(-23*time.Hour)
	s.Queue.Oldest, s.Link.LastDelivered = s.Queue.Oldest.Add(move), s.Link.LastDelivered.Add(move)
	s.Link.CertificateExpires = s.Link.CertificateExpires.Add(move)
	if !s.Link.Since.IsZero() {
		s.Link.Since, s.Link.NextTry = s.Link.Since.Add(move), s.Link.NextTry.Add(move)
	}
	for i := range s.Conditions {
		s.Conditions[i].Since = s.Conditions[i].Since.Add(move)
	}
	for i := range s.Cameras {
		c := &s.Cameras[i]
		c.LastFrame = c.LastFrame.Add(move)
		c.Picture = c.LastFrame
		for hour := range 24 {
			n := int64(60 * math.Sin(float64(max(hour-7, 0))*math.Pi/17))
			c.Hourly = append(c.Hourly, max(n+int64(hour*i%5), 0))
		}
	}
	for i, state := range []trail.State{trail.Waiting, trail.Delivered, trail.Rejected, trail.Delivered, trail.Delivered} {
		r := Recent{At: time.Now().Add(-time.Duration(3+7*i) * time.Second), State: state, Camera: "aisle-1",
			File: "IMG_0042" + strconv.Itoa(9-i) + ".jpg", SHA256: strings.Repeat("3f", 32)}
		if state == trail.Rejected {
			r.SHA256, r.Why = "", "The picture ends too early: the camera or the transfer stopped before it was complete."
		}
		s.Recent = append(s.Recent, r)
	}
	return Options{
		Listen: "127.0.0.1:0", Snapshot: func() Snapshot { return s },
		Thumbnail: func(camera string) []byte {
			if !strings.HasPrefix(camera, "aisle-") {
				return nil
			}
			return shelf(camera)
		},
		Find: func(_ context.Context, q trail.Query) (trail.Answer, error) {
			return found(q), nil
		},
		Location: time.UTC,
	}
}

// found is an Answer with one picture, or with five, if their file is asked for.
func found(q trail.Query) trail.Answer {
	a := trail.Answer{Query: q, Searched: trail.Searched{Queue: true, Rejected: true, Capture: true, ReceiptsSince: at(72 * time.Hour)}}
	for range map[string]int{"IMG_00042.jpg": 1, "many.jpg": 5}[q.File] {
		a.Trails = append(a.Trails, trail.Trail{
			State: trail.Parked, Camera: "aisle-1", File: q.File, CapturedAt: at(time.Hour), SHA256: strings.Repeat("3f", 32),
			Steps: []trail.Step{
				{At: at(time.Hour), What: trail.Seen, Text: "IMG_00042.jpg, captured then by the camera's clock"},
				{At: at(time.Hour - 2*time.Second), What: trail.WasQueued, Text: "valid, private, and safe in the queue"},
				{What: trail.Tried, Text: "1 try was made"},
				{What: trail.WasParked, Text: "frame_refused: the policy says no"},
			},
			Now: "It waits in the queue for a person.", Do: "Remove the cause, then: sudo shelf-agent queue retry 3f3f3f3f3f3f",
		})
	}
	return a
}

// show serves a page and its socket.
func show(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.Socket = shortDir(t) + "/agent.sock"
	return serve(t, opts)
}

func TestThePageShowsCameras(t *testing.T) {
	opts := shown(degraded(3))
	s := opts.Snapshot()
	s.Conditions[0].Subject = "aisle-2"
	opts.Snapshot = func() Snapshot { return s }
	server := show(t, opts)
	_, body := get(t, server, http.MethodGet, "/", "")
	for _, part := range []string{
		`<img src="/picture/aisle-1?at=`, `alt="The newest picture of aisle-1, taken `, `<p class="trouble">The clock is wrong</p>`,
		`aria-label="Frames in each of the last 24 hours: `, `<rect class="some"`, `name="digest"`, `href="/find?digest=3f3f`,
		`href="/find?camera=aisle-1&amp;file=IMG_00427.jpg"`, `<option value="10m" selected>`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	resp, picture := get(t, server, http.MethodGet, "/picture/aisle-1", "")
	if resp.Header.Get("Content-Type") != "image/jpeg" || resp.Header.Get("Cache-Control") != "no-store" || picture != string(shelf("aisle-1")) {
		t.Errorf("the picture: %v", resp.Header)
	}
	if resp, _ := get(t, server, http.MethodGet, "/picture/nobody", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the picture of nobody: %s", resp.Status)
	}
}

// TestWithoutPicturesNoneIsServed: on a network, the page shows no pictures of the shop unless the configuration says so.
func TestWithoutPicturesNoneIsServed(t *testing.T) {
	opts := shown(healthy(1))
	opts.Thumbnail, opts.Find = nil, nil
	server := show(t, opts)
	_, body := get(t, server, http.MethodGet, "/", "")
	if strings.Contains(body, "<img") || strings.Contains(body, "/find") || strings.Contains(body, "picture yet") {
		t.Errorf("the page offers what it may not show:\n%s", body)
	}
	for _, path := range []string{"/picture/aisle-1", "/find?file=a.jpg"} {
		if resp, _ := get(t, server, http.MethodGet, path, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

// TestOtherSitesGetNoPictures: nor searches nor streams, though a browser on the rig may be asked to fetch them.
func TestOtherSitesGetNoPictures(t *testing.T) {
	server := show(t, shown(healthy(1)))
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		for _, path := range []string{"/picture/aisle-1", "/find?file=a.jpg", "/events"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, strings.TrimSuffix(server.Page(), "/")+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Sec-Fetch-Site", site)
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s from %s: %s, want %d", path, site, resp.Status, want)
			}
		}
	}
}

// TestASearchNeedsNoScript walks through what can come of the form.
func TestASearchNeedsNoScript(t *testing.T) {
	opts := shown(healthy(2))
	began, finish := make(chan struct{}), make(chan struct{})
	opts.Find = func(ctx context.Context, q trail.Query) (trail.Answer, error) {
		switch q.File {
		case "slow.jpg":
			close(began)
			<-finish
		case "endless.jpg":
			return trail.Answer{}, context.DeadlineExceeded
		case "broken.jpg":
			return trail.Answer{}, errors.New("the disk gives an error")
		}
		return found(q), nil
	}
	server := show(t, opts)
	for _, tc := range []struct {
		query  string
		status int
		says   []string
	}{
		{"", 200, []string{"Fill in what you know", `<option value="aisle-2">`}},
		{"?file=IMG_00042.jpg", 200, []string{"needs a person", "2026-11-22 08:30:00", "frame_refused: the policy says no", "sudo shelf-agent queue retry",
			`value="IMG_00042.jpg"`, "Times are those of UTC."}},
		{"?file=IMG_00042.jpg", 200, []string{`<details class="trail" open>`}},
		{"?file=many.jpg", 200, []string{`<details class="trail">`}}, // a list first
		{"?camera=aisle-1&at=14:05&within=1h", 200, []string{"No such picture was found.", "go back to 2026-11-19 09:30:00", `<option value="1h" selected>`}},
		{"?camera=aisle-1&at=&within=10m", 400, []string{"Say when the picture was taken"}},
		{"?at=25:00", 400, []string{`"25:00" is no time`, `value="25:00"`, `aria-invalid="true"`}},
		{"?digest=zz", 400, []string{"is no SHA-256", `aria-invalid="true"`}},
		{"?file=endless.jpg", 503, []string{"The search took too long."}},
		{"?file=broken.jpg", 503, []string{"The disk gives an error."}},
		{"?file=" + url.QueryEscape(`"><script>alert(1)</script>`), 200, []string{`value=""><script>alert(1)</script>"`}}, // unescaped here, see below
	} {
		resp, body := get(t, server, http.MethodGet, "/find"+tc.query, "")
		for _, words := range tc.says {
			if !strings.Contains(html.UnescapeString(body), words) {
				t.Errorf("%s does not say %q:\n%s", tc.query, words, body)
			}
		}
		if resp.StatusCode != tc.status || strings.Contains(body, "<script") {
			t.Errorf("%s: %s, want %d", tc.query, resp.Status, tc.status)
		}
	}
	first := make(chan int, 1)
	go func() {
		resp, err := http.Get(server.Page() + "find?file=slow.jpg")
		if err != nil {
			first <- 0
			return
		}
		resp.Body.Close()
		first <- resp.StatusCode
	}()
	<-began
	if resp, body := get(t, server, http.MethodGet, "/find?file=a.jpg", ""); resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "Another search is under way") {
		t.Errorf("a second search at once: %s", resp.Status)
	}
	close(finish)
	if got := <-first; got != 200 {
		t.Errorf("the first search: %d", got)
	}
}

func TestFilesOfThePageAreKeptByBrowsers(t *testing.T) {
	server := show(t, shown(healthy(1)))
	_, body := get(t, server, http.MethodGet, "/", "")
	links := regexp.MustCompile(`(?:href|src)="(/[a-z]+\.(?:css|js|svg)\?v=[0-9a-f]+)"`).FindAllStringSubmatch(body, -1)
	if len(links) != 3 {
		t.Fatalf("files: %v", links)
	}
	for _, link := range links {
		resp, content := get(t, server, http.MethodGet, link[1], "")
		if resp.StatusCode != http.StatusOK || content == "" || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s, %v", link[1], resp.Status, resp.Header)
		}
		path, _, _ := strings.Cut(link[1], "?")
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(server.Page(), "/")+path, nil)
		req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
		again, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		again.Body.Close()
		if again.StatusCode != http.StatusNotModified || again.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s again: %s, %v", path, again.Status, again.Header)
		}
	}
}

func TestAChartSaysWhatIsKnown(t *testing.T) {
	s := healthy(1)
	s.HourlyFrom, s.Started = now.Truncate(time.Hour).Add(-23*time.Hour), now.Truncate(time.Hour).Add(-22*time.Hour)
	c := s.Cameras[0]
	if newChart(s, c, time.UTC) != nil {
		t.Error("a chart of nothing")
	}
	c.Hourly = make([]int64, 24)
	c.Hourly[5], c.Hourly[6] = 60, 1
	chart := newChart(s, c, time.UTC)
	if got := chart.Label; got != "Frames in each of the last 24 hours: 61 in all, at most 60 in an hour; 21 hours without any" {
		t.Error(got)
	}
	for i, want := range map[int]bar{0: {"unknown", 0, 0, 8, 40}, 1: {"none", 10, 39, 8, 1}, 5: {"some", 50, 0, 8, 40}, 6: {"some", 60, 38, 8, 2}} {
		if chart.Bars[i] != want {
			t.Errorf("hour %d: %+v, want %+v", i, chart.Bars[i], want)
		}
	}
	if chart.From != "10:00" || chart.Width != 238 {
		t.Errorf("%+v", chart)
	}
}

// TestColoursHaveContrast holds each text and its ground, as the style sheet pairs them, against WCAG 2.2, 1.4.3 (AA): 4.5 to 1; and
// what is no text against 1.4.11: 3 to 1.
func TestColoursHaveContrast(t *testing.T) {
	css := string(readAssets().style.content)
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\n *\}`).FindAllStringSubmatch(css, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of colours", len(blocks))
	}
	for i, theme := range []string{"light", "dark"} {
		colours := map[string]string{}
		for _, c := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(blocks[i][1], -1) {
			colours[c[1]] = c[2]
		}
		for _, pair := range []struct {
			text, ground string
			least        float64
		}{
			{"text", "ground", 4.5}, {"text", "card", 4.5}, {"quiet", "ground", 4.5}, {"quiet", "card", 4.5}, {"link", "ground", 4.5},
			{"link", "card", 4.5}, {"good", "good-ground", 4.5}, {"warn", "warn-ground", 4.5}, {"bad", "bad-ground", 4.5},
			{"note", "note-ground", 4.5}, {"warn", "card", 4.5}, {"bad", "card", 4.5}, {"note", "card", 4.5}, {"bad", "ground", 4.5},
			{"button-text", "button", 4.5}, {"screen-text", "screen", 4.5}, {"bar", "card", 3},
		} {
			if colours[pair.text] == "" || colours[pair.ground] == "" {
				t.Fatalf("%s: no colour %s or %s", theme, pair.text, pair.ground)
			}
			if got := contrast(colours[pair.text], colours[pair.ground]); got < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", theme, pair.text, pair.ground, got, pair.least)
			}
		}
	}
	if got := contrast("000000", "ffffff"); math.Abs(got-21) > 0.01 {
		t.Errorf("black on white: %.2f", got)
	}
	if outside := regexp.MustCompile(`(?s)\* \{.*`).FindString(css); strings.Contains(outside, ": #") {
		t.Error("a colour stands outside of the two blocks, where no pair of it is tested")
	}
}

// contrast is that of two colours. Source: WCAG 2.2, relative luminance and contrast ratio.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
