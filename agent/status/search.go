package status

import (
	"context"
	"errors"
	"net/http"
	"time"

	"shelfagent/agent/trail"
)

// searchTime bounds a search from the page: it may have to read a whole queue.
const searchTime = 20 * time.Second

// searchView is the form, and what came of it.
type searchView struct {
	Form      trail.Form
	CameraIDs []string
	Withins   []choice
	Problem   string
	Wrong     string // the field that is wrong
	Answer    *trail.Answer
	Summary   []string
}

// choice is an entry of a list.
type choice struct {
	Value, Word string
	Selected    bool
}

func (v *searchView) fill(cameras []Camera) {
	for _, c := range cameras[:min(len(cameras), maxCards)] {
		v.CameraIDs = append(v.CameraIDs, c.ID)
	}
	within := v.Form.Within
	if within == "" {
		within = "10m"
	}
	v.Withins = []choice{{Value: "1m", Word: "1 minute"}, {Value: "10m", Word: "10 minutes"}, {Value: "1h", Word: "1 hour"}, {Value: "12h", Word: "12 hours"}}
	for i := range v.Withins {
		v.Withins[i].Selected = v.Withins[i].Value == within
	}
}

// serveFind answers the form, without a script.
func (p *page) serveFind(w http.ResponseWriter, r *http.Request) {
	get := r.URL.Query().Get
	form := trail.Form{Camera: get("camera"), At: get("at"), Within: get("within"), File: get("file"), Digest: get("digest")}
	if form.At == "" {
		form.Within = "" // the list always sends something
	}
	s := p.snapshot()
	view := p.view(s, time.Now())
	view.Live, view.Title, view.searchView = false, "Where is my picture?", searchView{Form: form}
	view.fill(s.Cameras)
	status := http.StatusOK
	if r.URL.RawQuery != "" {
		status = p.search(r.Context(), w, &view.searchView)
	}
	p.render(w, status, "find", view)
}

// search fills in what came of it, and returns how to answer.
func (p *page) search(ctx context.Context, w http.ResponseWriter, v *searchView) (status int) {
	query, err := v.Form.Query(time.Now(), p.location)
	var wrong *trail.FieldError
	if errors.As(err, &wrong) {
		v.Wrong = wrong.Field
	}
	if err != nil {
		v.Problem = sentence(err)
		return http.StatusBadRequest
	}
	select {
	case p.searching <- struct{}{}:
		defer func() { <-p.searching }()
	default:
		v.Problem = "Another search is under way. Try again in a moment."
		return http.StatusTooManyRequests
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the server's would end the request while it is worked on
	answer, err := p.find(ctx, query)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		v.Problem = "The search took too long. Name the camera and a short time, or try: shelf-agent find"
		return http.StatusServiceUnavailable
	case err != nil:
		v.Problem = sentence(err)
		return http.StatusServiceUnavailable
	}
	v.Answer, v.Summary = &answer, trail.Summary(answer, p.location)
	return http.StatusOK
}

// sentence makes one of an error.
func sentence(err error) string {
	text := []rune(err.Error())
	if len(text) > 0 && text[0] >= 'a' && text[0] <= 'z' {
		text[0] += 'A' - 'a'
	}
	return string(text) + "."
}
