package desk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"shelfagent/queue"
)

const (
	// maxForm bounds a request's body: a ref, a name and a reason.
	maxForm = 16 << 10
	// moveTime is how long one piece of an answer may take to be read by the other side.
	moveTime = 30 * time.Second
	// busyTime is how long a verification waits for another: one whose asker has gone ends soon.
	busyTime = 2 * time.Second
	// pieceBytes is what is sent of a payload at once.
	pieceBytes = 256 << 10
)

// Handler answers a Client for a queue. It belongs on the Unix socket and nowhere else; its server should have
// ConnContext. It sets its own deadlines where an answer takes long.
func Handler(q *queue.Queue, log *slog.Logger) http.Handler {
	h := &handler{queue: q, log: log, verifying: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/queue/stats", h.stats)
	mux.HandleFunc("GET /v1/queue/items", h.items)
	mux.HandleFunc("GET /v1/queue/item", h.item)
	mux.HandleFunc("GET /v1/queue/find", h.find)
	mux.HandleFunc("GET /v1/queue/payload", h.payload)
	mux.HandleFunc("GET /v1/queue/verify", h.verify)
	mux.HandleFunc("POST /v1/queue/retry", h.changed(func(ctx context.Context, l Local, r *http.Request) (any, error) {
		return l.Retry(ctx, r.PostForm.Get("ref"), r.PostForm.Get("by"))
	}))
	mux.HandleFunc("POST /v1/queue/retries", h.changed(func(ctx context.Context, l Local, r *http.Request) (any, error) {
		f, p, err := selection(r.PostForm)
		if err != nil {
			return nil, err
		}
		n, next, err := l.RetryPage(ctx, f, p, r.PostForm.Get("by"))
		return retries{Retried: n, Next: next.After}, err
	}))
	mux.HandleFunc("POST /v1/queue/drop", h.changed(func(ctx context.Context, l Local, r *http.Request) (any, error) {
		return l.Drop(ctx, r.PostForm.Get("ref"), r.PostForm.Get("by"), r.PostForm.Get("reason"))
	}))
	return mux
}

// Refuse answers everything with an error: the queue cannot be opened.
func Refuse(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, err) })
}

type handler struct {
	queue     *queue.Queue
	log       *slog.Logger
	verifying chan struct{} // capacity one: it reads the whole disk
}

func (h *handler) local(r *http.Request) Local {
	return Local{Queue: h.queue, Who: peerOf(r.Context()), Log: h.log}
}

func (h *handler) stats(w http.ResponseWriter, r *http.Request) {
	s, err := h.local(r).Stats(r.Context())
	answer(w, s, err)
}

func (h *handler) items(w http.ResponseWriter, r *http.Request) {
	f, p, err := selection(r.URL.Query())
	if err != nil {
		refuse(w, err)
		return
	}
	unhurried(w)
	frames, next, err := h.local(r).List(r.Context(), f, p)
	answer(w, page{Frames: frames, Next: next.After}, err)
}

func (h *handler) item(w http.ResponseWriter, r *http.Request) {
	unhurried(w)
	f, err := h.local(r).Show(r.Context(), r.URL.Query().Get("ref"))
	answer(w, f, err)
}

func (h *handler) find(w http.ResponseWriter, r *http.Request) {
	f, p, err := selection(r.URL.Query())
	if err != nil {
		refuse(w, err)
		return
	}
	unhurried(w)
	found, err := h.local(r).Find(r.Context(), f, p.Limit)
	answer(w, found, err)
}

// changed wraps what changes the queue. What has begun is finished, whether or not the asker waits for it.
func (h *handler) changed(do func(context.Context, Local, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			refuse(w, errors.Join(queue.ErrInvalid, err))
			return
		}
		unhurried(w)
		done, err := do(context.WithoutCancel(r.Context()), h.local(r), r)
		answer(w, done, err)
	}
}

func (h *handler) payload(w http.ResponseWriter, r *http.Request) {
	payload, err := h.local(r).Payload(r.Context(), queue.ID(r.URL.Query().Get("id")))
	if err != nil {
		refuse(w, err)
		return
	}
	defer func() { _ = payload.Close() }() // read only
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	if file, ok := payload.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			header.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		}
	}
	for {
		unhurried(w)
		_, err := io.CopyN(w, payload, pieceBytes)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the only way to say "not all of it" once it has begun
		}
	}
}

func (h *handler) verify(w http.ResponseWriter, r *http.Request) {
	select {
	case h.verifying <- struct{}{}:
		defer func() { <-h.verifying }()
	case <-r.Context().Done():
		return
	case <-time.After(busyTime):
		refuse(w, ErrBusy)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	say := func(l line) error {
		unhurried(w)
		return errors.Join(json.NewEncoder(w).Encode(l), http.NewResponseController(w).Flush())
	}
	w.WriteHeader(http.StatusOK)
	unhurried(w)
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	quick := r.URL.Query().Get("quick") == "true"
	done, err := h.local(r).Verify(r.Context(), quick, func(f Finding) error { return say(line{Finding: &f}) })
	if err != nil {
		p, _ := problemOf(err)
		_ = say(line{Problem: &p}) // the asker may have gone
		return
	}
	_ = say(line{Done: &done})
}

// unhurried lets an answer take its time, but not stand still. The server's read limit must go as well: it would
// end the request while it is worked on.
func unhurried(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // a writer without deadlines has none to be lifted
	_ = c.SetWriteDeadline(time.Now().Add(moveTime))
}

func answer(w http.ResponseWriter, document any, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	unhurried(w)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // the asker has gone; nothing to do
}

func refuse(w http.ResponseWriter, err error) {
	p, status := problemOf(err)
	unhurried(w)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}
