package status

import (
	_ "embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"ago": ago, "lasting": lasting}).Parse(pageSource))

// lasting is how long something has been so.
func lasting(since, now time.Time) string { return span(now.Sub(since)) }

// pageView is a Snapshot with its sentences, so that page and terminal say the same.
type pageView struct {
	Snapshot
	Now                                               time.Time
	Headline, QueueLine, LinkLine, PathLine, DiskLine string
}

func servePage(w http.ResponseWriter, s Snapshot) {
	now := time.Now()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pageTemplate.Execute(w, pageView{ // the reader has gone; nothing to do
		Snapshot: s, Now: now, Headline: s.headline(),
		QueueLine: s.queueLine(now), LinkLine: s.linkLine(now), PathLine: s.pathLine(now), DiskLine: s.diskLine(),
	})
}
