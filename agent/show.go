package agent

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/desk"
	"shelfagent/agent/find"
	"shelfagent/agent/status"
	"shelfagent/agent/trail"
)

// prepareToShow lets intake remember what the page shows, if it may.
func (a *Agent) prepareToShow(c *config.Config) error {
	receipts, err := a.queue.Receipts(maxRecent)
	if err != nil {
		return err
	}
	a.intake.recent.fill(receipts)
	if c.Status.ShowPictures() {
		a.intake.pictures = newPictures()
	}
	return nil
}

// statusOptions are what is shown, and to whom: pictures and search are the page's, the desk is the socket's.
func (a *Agent) statusOptions(c *config.Config, location *time.Location, log *slog.Logger) status.Options {
	atDesk := log.With("stage", "desk")
	places := find.Places{Desk: desk.Local{Queue: a.queue, Log: atDesk}, Capture: c.CaptureOptions(log)}
	options := status.Options{
		Socket: c.Status.Socket, Listen: c.Status.Listen, Snapshot: a.Snapshot, Location: location,
		Find: func(ctx context.Context, q trail.Query) (trail.Answer, error) { return find.Search(ctx, places, q) },
		Routes: status.Routes{
			Handlers:    map[string]http.Handler{"/v1/queue/": desk.Handler(a.queue, atDesk)},
			ConnContext: desk.ConnContext,
		},
		Logger: log.With("stage", "status"),
	}
	if a.intake.pictures != nil {
		options.Thumbnail = a.intake.pictures.jpeg
	}
	return options
}
