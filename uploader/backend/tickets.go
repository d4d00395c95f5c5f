package backend

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"shelfagent/uploader/ticket"
)

func (b *Backend) tickets(w http.ResponseWriter, r *http.Request) error {
	id, err := b.admit(r)
	if err != nil {
		return err
	}
	request, err := decodeTickets(w, r)
	if err != nil {
		return err
	}
	if err := b.book(id.Identity, request, b.now()); err != nil {
		return err
	}
	response, err := b.answer(r.Context(), id, request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, "application/json", response)
	return nil
}

// answer decides on each upload. It is all or nothing when tickets cannot be signed.
func (b *Backend) answer(ctx context.Context, id caller, request ticket.Request) (ticket.Response, error) {
	ttl, err := b.presigner.lifetime(ctx)
	if err != nil {
		b.metrics.signing.Inc()
		return ticket.Response{}, err
	}
	if err := b.charge(ctx, id, request); err != nil {
		return ticket.Response{}, err
	}
	response := ticket.Response{Tickets: []ticket.Ticket{}}
	for _, upload := range request.Uploads {
		if refusal := b.policy.refuse(id.Identity, upload); refusal != nil {
			b.metrics.refused.WithLabelValues(refusal.Code).Inc()
			b.audit(ctx, slog.LevelWarn, "ticket refused", id, upload, "", "code", refusal.Code)
			response.Refusals = append(response.Refusals, *refusal)
			continue
		}
		key := b.keyOf(id.Identity, upload)
		issued, err := b.presigner.issue(ctx, id.Identity, upload, key, b.metadata.object(id.Identity, upload), ttl)
		if err != nil {
			b.metrics.signing.Inc()
			b.audit(ctx, slog.LevelError, "ticket failed", id, upload, key, "error", errors.Unwrap(err))
			return ticket.Response{}, err
		}
		b.audit(ctx, slog.LevelInfo, "ticket issued", id, upload, key, "expires_at", issued.ExpiresAt)
		response.Tickets = append(response.Tickets, issued)
	}
	b.metrics.issued.Add(float64(len(response.Tickets)))
	return response, nil
}

// audit writes the one line about a frame. It takes the key and never the ticket: a ticket holds a secret.
func (b *Backend) audit(
	ctx context.Context, level slog.Level, event string, id caller, u ticket.Upload, key string, more ...any,
) {
	attrs := append(id.attrs(), "camera", u.Camera, "frame", u.Frame, "bytes", u.Bytes, "key", key)
	b.log.Log(ctx, level, event, append(attrs, more...)...)
}

// auditProblem writes the one line about a request that was refused as a whole.
func (b *Backend) auditProblem(r *http.Request, p *problem) {
	level := slog.LevelWarn
	if p.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []any{
		"method", r.Method, "path", clip(r.URL.Path, 100), "remote", b.home.remote(r),
		"status", p.status, "code", p.code, "detail", clip(p.detail, 300),
	}
	if id, err := b.identify(r); err == nil {
		attrs = append(attrs, id.attrs()...)
	}
	if p.cause != nil {
		attrs = append(attrs, "error", clip(p.cause.Error(), 300))
	}
	b.log.Log(r.Context(), level, "request refused", attrs...)
}

// clip keeps a line short whatever a client sends.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
