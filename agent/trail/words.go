package trail

import (
	"fmt"
	"strings"
	"time"
)

// Summary says how many were found, where was looked, and in which zone the times are, each as a sentence.
func Summary(a Answer, loc *time.Location) []string {
	var all []string
	switch n := len(a.Trails); {
	case n == 0:
		all = append(all, "No such picture was found.")
	case a.More:
		all = append(all, fmt.Sprintf("These are %d of more pictures. Name the camera, or a shorter time, to see the others.", n))
	}
	if a.Searched.Queue && len(a.Trails) == 0 {
		all = append(all, receipts(a.Searched.ReceiptsSince, loc))
	}
	if len(a.Trails) == 0 {
		all = append(all, folders(a.Searched)...)
	}
	if !a.Query.Since.IsZero() {
		all = append(all, fmt.Sprintf("Looked for pictures from %s to %s.", moment(a.Query.Since, loc), moment(a.Query.Until, loc)))
	}
	all = append(all, a.Searched.Problems...)
	return append(all, "Times are those of "+zone(a, loc)+".")
}

func receipts(since time.Time, loc *time.Location) string {
	if since.IsZero() {
		return "Searched the queue, which nothing has left yet."
	}
	return "Searched the queue and its receipts, which go back to " + moment(since, loc) +
		": one that left before is not known here any more; look for it in the bucket."
}

func folders(s Searched) []string {
	switch {
	case s.Rejected && s.Capture:
		return []string{"Searched the rejected folder and the capture folder."}
	case s.Rejected:
		return []string{"Searched the rejected folder."}
	case s.Capture:
		return []string{"Searched the capture folder."}
	}
	return nil
}

func moment(t time.Time, loc *time.Location) string { return t.In(loc).Format(time.DateTime) }

// zone names the zone as it was when the pictures were taken.
func zone(a Answer, loc *time.Location) string {
	at := a.Query.Since
	if len(a.Trails) > 0 {
		at = a.Trails[0].CapturedAt
	}
	if at.IsZero() {
		at = time.Now()
	}
	name := loc.String()
	short := at.In(loc).Format("MST, -07:00")
	if name == "Local" || name == "" {
		return "this machine (" + short + ")"
	}
	if name == "UTC" {
		return name
	}
	return name + " (" + short + ")"
}

// Title is a trail in one line: what it is of.
func (t Trail) Title() string {
	name := t.File
	if name == "" {
		name = "a picture whose file name is lost"
	}
	if t.Camera == "" || strings.HasPrefix(name, t.Camera+"/") {
		return name // the path says it
	}
	return t.Camera + ", " + name
}
