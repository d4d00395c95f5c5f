package find

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"shelfagent/agent/capture"
	"shelfagent/agent/trail"
)

// rejected looks in the rejected folder.
func (p Places) rejected(q trail.Query, a *trail.Answer) {
	list, err := capture.RejectedList(p.Capture.Rejected)
	problem(a, "rejected folder", err)
	a.Searched.Rejected = err == nil
	for _, r := range list {
		named := q.Names(r.Source) || q.File == r.File
		if named && q.Holds(r.Modified) && (q.Camera == "" || q.Camera == r.Camera) && strings.HasPrefix(r.SHA256, q.Digest) {
			a.Trails = append(a.Trails, ofRejected(r))
		}
	}
}

func ofRejected(r capture.Rejected) trail.Trail {
	why := r.Code + ": " + r.Sentence
	if r.Detail != "" {
		why += " (" + r.Detail + ")"
	}
	t := trail.Trail{
		State: trail.Rejected, Camera: r.Camera, File: r.Source, CapturedAt: r.Modified, Bytes: r.Size, SHA256: r.SHA256,
		Steps: []trail.Step{
			{At: r.Modified, What: trail.Seen, Text: r.Source + ", last written then"},
			{At: r.At, What: trail.WasRejected, Text: why},
		},
		Now: "It was not taken in. It is kept in the rejected folder as " + path.Join(r.Camera, r.File) + ", until it is too old or they are too many.",
		Do: "If the file is as the camera wrote it, check the camera's lens, storage and network. If it is a good picture that the " +
			"limits in the configuration are too narrow for, widen them, then: sudo systemctl reload shelf-agent, and: " +
			"sudo shelf-agent rejected retry " + r.File,
	}
	if r.Code == capture.HeldBack {
		t.State = trail.HeldBack
		t.Now = "It is a good picture, but is not sent: the camera's privacy masks do not fit it. It is kept in the rejected folder as " +
			path.Join(r.Camera, r.File) + "."
		t.Do = "Correct the masks in the configuration, then: sudo systemctl reload shelf-agent, and: sudo shelf-agent rejected retry " + r.File
	}
	return t
}

// errEnough ends the walk through the capture folder.
var errEnough = errors.New("enough")

// waiting looks in the capture folder. The digest of a frame is not known before its file is taken in.
func (p Places) waiting(ctx context.Context, q trail.Query, a *trail.Answer) error {
	if q.Digest != "" {
		a.Searched.Problems = append(a.Searched.Problems,
			"The capture folder was not searched: the digest of a picture is known only once it is taken in.")
		return nil
	}
	found := 0
	err := capture.WaitingFiles(ctx, p.Capture, func(w capture.Waiting) error {
		if !q.Holds(w.Modified) || q.Camera != "" && q.Camera != w.Camera || !named(q, w) {
			return nil
		}
		if found++; found > Most {
			return errEnough
		}
		a.Trails = append(a.Trails, ofWaiting(w))
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errEnough):
		a.More, err = true, nil
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("it is missing, or its disk is not mounted")
	}
	problem(a, "capture folder", err)
	a.Searched.Capture = err == nil
	return nil
}

// named also takes a file that is still being written for the one that it will be.
func named(q trail.Query, w capture.Waiting) bool {
	return q.Names(w.Path) || w.Unready && q.Names(strings.TrimSuffix(w.Path, path.Ext(w.Path)))
}

func ofWaiting(w capture.Waiting) trail.Trail {
	t := trail.Trail{
		State: trail.InFolder, Camera: w.Camera, File: w.Path, CapturedAt: w.Modified, Bytes: w.Size,
		Steps: []trail.Step{{At: w.Modified, What: trail.Seen, Text: w.Path + ", last written then"}},
		Now:   "It lies in the capture folder and has not been taken in yet.",
		Do:    "If it stays there: shelf-agent status says what keeps the agent from it.",
	}
	reason := "until the agent takes it in"
	switch {
	case w.Unready:
		reason = "until the camera is done: its name says that it is still being written"
		t.Do = "If it keeps that name, the transfer broke off: check that camera's network, and send the picture again."
	case w.Camera == "":
		reason = "because its folder's name is no camera id"
		t.Do = "Rename the folder, or give it a camera in [capture.folders] of the configuration."
	}
	t.Steps = append(t.Steps, trail.Step{What: trail.WaitsInFolder, Text: reason})
	return t
}
