package status

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxCards is how many cameras the page shows; a shop has a dozen.
const maxCards = 64

// pageView is a Snapshot with its sentences, so that page and terminal say the same.
type pageView struct {
	Snapshot
	Now                                               time.Time
	Title                                             string
	Headline, QueueLine, LinkLine, PathLine, DiskLine string
	Cards                                             []card
	MoreCameras                                       int
	Charts, Unknown                                   bool // Unknown: the charts begin before the agent did
	Live, Search, Pictures                            bool
	Build                                             string
	Style, Script, Icon                               asset
	searchView
}

// card is one camera.
type card struct {
	Camera
	Severity, Trouble string // of its worst condition
	PictureURL, Alt   string
	Counts            string
	Chart             *chart
}

func (p *page) view(s Snapshot, now time.Time) pageView {
	v := pageView{
		Snapshot: s, Now: now, Headline: s.headline(), Title: fmt.Sprintf("%s – %s/%s", s.Verdict, s.Store, s.Rig),
		QueueLine: s.queueLine(now), LinkLine: s.linkLine(now), PathLine: s.pathLine(now), DiskLine: s.diskLine(),
		Unknown: s.Started.After(s.HourlyFrom) && !s.HourlyFrom.IsZero(),
		Live:    true, Search: p.find != nil, Pictures: p.thumbnail != nil,
		Build: p.files.build, Style: p.files.style, Script: p.files.script, Icon: p.files.icon(s.Verdict),
	}
	v.fill(s.Cameras)
	shown := s.Cameras
	if len(shown) > maxCards {
		shown, v.MoreCameras = shown[:maxCards], len(s.Cameras)-maxCards
	}
	for _, c := range shown {
		v.Cards = append(v.Cards, p.card(s, c, now))
		v.Charts = v.Charts || len(c.Hourly) > 0
	}
	return v
}

func (p *page) card(s Snapshot, c Camera, now time.Time) card {
	view := card{Camera: c, Counts: c.counts(), Chart: newChart(s, c, p.location)}
	for _, condition := range s.Conditions { // the worst comes first
		if condition.Subject == c.ID && c.ID != "" {
			view.Severity, view.Trouble = condition.Severity, condition.Title
			break
		}
	}
	if !c.Picture.IsZero() {
		view.PictureURL = "/picture/" + url.PathEscape(c.ID) + "?at=" + strconv.FormatInt(c.Picture.UnixMilli(), 10)
		view.Alt = fmt.Sprintf("The newest picture of %s, taken %s", c.ID, p.clock(c.Picture, now))
	}
	return view
}

// counts says what a camera's frames are up to, and leaves out what is nothing.
func (c Camera) counts() string {
	parts := []string{count(c.Delivered, "delivered", "delivered")}
	for _, part := range []struct {
		n    int64
		word string
	}{{c.AllWaiting(), "waiting"}, {c.Rejected, "rejected"}, {c.Parked, "parked"}} {
		if part.n > 0 {
			parts = append(parts, count(part.n, part.word, part.word))
		}
	}
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(part, " ", "\u00a0") // a number stays with its word
	}
	return strings.Join(parts, ", ")
}

// partNames are the parts of the page that change while it is looked at.
var partNames = []string{"verdict", "cameras", "now", "recent", "foot"}

// parts renders what changes, each part by itself.
func (p *page) parts() map[string]string {
	view := p.view(p.snapshot(), time.Now())
	parts := make(map[string]string, len(partNames))
	for _, name := range partNames {
		var out bytes.Buffer
		if err := p.template.ExecuteTemplate(&out, name, view); err != nil {
			continue // the templates are tested; what was shown before stays
		}
		parts[name] = out.String()
	}
	return parts
}
