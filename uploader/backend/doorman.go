package backend

import (
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"shelfagent/uploader/ticket"
)

// doorman stands behind a listener that lets strangers in so that they can enrol: everything but enrolment needs a
// certificate that crypto/tls has verified, health included, as if the listener itself insisted. A laboratory's token is
// judged by identify, so it passes to where identify is asked.
func doorman(next http.Handler, log *slog.Logger) http.Handler {
	quiet := rate.Sometimes{First: 10, Interval: time.Second} // anybody can cause these lines
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == ticket.EnrollPath || showsToken(r) || r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			next.ServeHTTP(w, r)
			return
		}
		p := fail(http.StatusForbidden, CodeNoCertificate, "a verified client certificate is needed")
		quiet.Do(func() {
			log.InfoContext(r.Context(), "stranger refused", "method", clip(r.Method, 20), "path", clip(r.URL.Path, 100), "remote", r.RemoteAddr)
		})
		p.write(w)
	})
}

func showsToken(r *http.Request) bool {
	_, shown := bearer(r)
	return shown && (r.URL.Path == ticket.TicketsPath || r.URL.Path == ticket.HeartbeatPath)
}
