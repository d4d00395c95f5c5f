package status

import (
	"context"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"shelfagent/agent/trail"
)

//go:embed page
var pageFiles embed.FS

// page is what people see in a browser.
type page struct {
	snapshot  func() Snapshot
	thumbnail func(camera string) []byte                               // nil: no pictures are shown
	find      func(context.Context, trail.Query) (trail.Answer, error) // nil: there is no search
	location  *time.Location
	files     assets
	template  *template.Template
	live      *live
	searching chan struct{} // holds one for the search that is under way: it may read a whole queue
}

func newPage(opts Options) *page {
	p := &page{
		snapshot: opts.Snapshot, thumbnail: opts.Thumbnail, find: opts.Find, location: opts.Location,
		files: readAssets(), searching: make(chan struct{}, 1),
	}
	if p.location == nil {
		p.location = time.Local
	}
	p.template = template.Must(template.New("").Funcs(template.FuncMap{
		"ago": ago, "lasting": lasting, "stamp": stamp, "findURL": findURL,
		"clock":  func(t time.Time) string { return p.clock(t, time.Now()) },
		"moment": func(t time.Time) string { return t.In(p.location).Format(time.DateTime) },
		"zone":   func(t time.Time) string { return t.In(p.location).Format("MST") },
	}).ParseFS(pageFiles, "page/*.html"))
	p.live = newLive(p.files.build, p.parts)
	return p
}

// handle adds what the page is made of to a server's routes.
func (p *page) handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.serve)
	mux.Handle("GET /events", ownPage(p.live))
	for _, a := range p.files.all() {
		mux.Handle("GET "+a.path, a)
	}
	if p.find != nil {
		mux.Handle("GET /find", ownPage(http.HandlerFunc(p.serveFind)))
	}
	if p.thumbnail != nil {
		mux.Handle("GET /picture/{camera}", ownPage(http.HandlerFunc(p.servePicture)))
	}
}

func (p *page) serve(w http.ResponseWriter, _ *http.Request) {
	p.render(w, http.StatusOK, "page", p.view(p.snapshot(), time.Now()))
}

func (p *page) render(w http.ResponseWriter, status int, name string, view any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = p.template.ExecuteTemplate(w, name, view) // the reader has gone; nothing to do
}

func (p *page) servePicture(w http.ResponseWriter, r *http.Request) {
	picture := p.thumbnail(r.PathValue("camera"))
	if picture == nil {
		http.Error(w, "There is no picture of this camera.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	_, _ = w.Write(picture) // the reader has gone; nothing to do
}

// ownPage answers what the page itself asks for and a person who types an address, and no page of another site: not what
// could show it a picture, nor what costs work. Browsers say who asks; what says nothing is no browser of today.
func ownPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "none", "same-origin":
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "Another site led here. Open the status page itself.", http.StatusForbidden)
		}
	})
}

// stamp is a time for programs.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clock is a time for people: without its day when that is today.
func (p *page) clock(t, now time.Time) string {
	t, now = t.In(p.location), now.In(p.location)
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// findURL leads to the trail of a frame.
func findURL(r Recent) string {
	v := url.Values{}
	if r.SHA256 != "" {
		v.Set("digest", r.SHA256)
	} else {
		v.Set("camera", r.Camera)
		v.Set("file", r.File)
	}
	return "/find?" + v.Encode()
}

// lasting is how long something has been so.
func lasting(since, now time.Time) string { return span(now.Sub(since)) }
