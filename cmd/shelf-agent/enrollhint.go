package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"shelfagent/agent"
	"shelfagent/agent/doctor"
	"shelfagent/uploader"
	"shelfagent/uploader/ticket"
)

// What became of the code. The backend answers the same code and key again with the same certificate, for as long as
// the code is good.
const (
	codeIsGood     = "The code was not sent and is still good."
	codeMayBeSpent = "The code may be spent. Run the same command again soon: while the code is good, this machine gets the certificate " +
		"that was made for it. If the code is refused, ask the cloud team for another."
	anotherCode = "Ask the cloud team for another code."
)

// enrollHint is what a person can do about an error of uploader.Enroll.
func enrollHint(address string, err error) string {
	var (
		skew  *uploader.SkewError
		keep  *uploader.KeepError
		issue *uploader.IssueError
	)
	switch {
	case errors.As(err, &skew):
		return "Set this machine's clock: sudo timedatectl set-ntp true, and let NTP through the firewall. " + codeIsGood
	case errors.As(err, &keep):
		return diskHint(keep.Err) + " Then run the same command again soon: while the code is good, this machine gets the same certificate."
	case errors.As(err, &issue):
		return issueHint(address, issue)
	}
	return diskHint(err) + " " + codeIsGood
}

func diskHint(err error) string {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return "Run this as root: sudo shelf-agent enroll …"
	}
	return cmp.Or(agent.Hint(err), "Check that folder and its disk, or leave backend.certificate and backend.key empty in the configuration.")
}

func issueHint(address string, e *uploader.IssueError) string {
	var clock *ticket.ClockError
	s := e.Seen
	switch {
	case s.Err != nil && e.Denied():
		return "This address speaks to nobody without a device certificate. Ask the cloud team at which address rigs enrol. " + codeIsGood
	case errors.As(e, &clock):
		return "Compare this machine's clock with the right time. If it is right, tell the cloud team. " + anotherCode
	case errors.Is(e, ticket.ErrEnrollment):
		return "See whether --backend is right. If it is, give this to the cloud team: the backend did not answer as it should. " + anotherCode
	case s.Err != nil && e.Sent:
		return codeMayBeSpent
	case s.Err != nil:
		return doctor.Remedy(true, address, s.Err) + " " + codeIsGood
	}
	return statusHint(s)
}

// statusHint is for an answer that is none. The codes of problems are the backend's to choose; their sentences are
// shown with them.
func statusHint(s uploader.Seen) string {
	switch {
	case s.Status == http.StatusTooManyRequests:
		wait := max(s.RetryAfter, time.Second).Round(time.Second)
		return fmt.Sprintf("Wait %s, then run the same command again.", wait)
	case s.Status >= 500:
		return "Run the same command again in a minute. If it is the same then, tell the cloud team."
	case s.Code != "" && s.Status >= 400:
		return "Compare the code with the one that you were given. It is good once and for a short time only; if it is over, ask the cloud team " +
			"for another."
	default:
		return "Check --backend, or backend.url in the configuration: what answers there enrols no rigs."
	}
}
