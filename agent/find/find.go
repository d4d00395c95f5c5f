package find

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"shelfagent/agent/capture"
	"shelfagent/agent/desk"
	"shelfagent/agent/trail"
)

// Most is how many pictures an Answer shows at most.
const Most = 50

// Places are where is looked.
type Places struct {
	Desk desk.Desk
	// Capture names the folders: Dir, Folders and Rejected count.
	Capture capture.Options
}

// Search looks in all places. An error is of the queue or of ctx.
func Search(ctx context.Context, p Places, q trail.Query) (trail.Answer, error) {
	a := trail.Answer{Query: q, Trails: []trail.Trail{}}
	if err := p.queue(ctx, q, &a); err != nil {
		return a, err
	}
	p.rejected(q, &a)
	if err := p.waiting(ctx, q, &a); err != nil {
		return a, err
	}
	slices.SortStableFunc(a.Trails, func(x, y trail.Trail) int {
		return cmp.Or(x.CapturedAt.Compare(y.CapturedAt), cmp.Compare(x.Camera, y.Camera), cmp.Compare(x.File, y.File))
	})
	if len(a.Trails) > Most {
		a.Trails, a.More = a.Trails[:Most], true
	}
	return a, nil
}

// problem notes that a place could not be searched. A folder that is not there holds nothing.
func problem(a *trail.Answer, what string, err error) {
	if err == nil {
		return
	}
	why := err.Error()
	if errors.Is(err, fs.ErrPermission) {
		why = "this user may not read it; try with sudo"
	}
	a.Searched.Problems = append(a.Searched.Problems, fmt.Sprintf("The %s could not be searched: %s.", what, why))
}
