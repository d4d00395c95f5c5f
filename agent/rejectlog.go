package agent

import (
	"log/slog"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/frame"
)

// rejectPause is how long a camera's further rejections with the same code are only counted before the log says how many,
// and how long there must be none before the camera counts as recovered.
const rejectPause = 10 * time.Minute

// rejectLog keeps a camera that sends nothing valid from filling the log: the first rejection with a code is said, then
// now and then how many there were, and once that it is over. Each file's own reason lies beside it in the rejected
// folder. It is as large as there are cameras and codes. Not safe for several goroutines.
type rejectLog struct {
	log *slog.Logger
	// runs are by camera, and then by code.
	runs map[string]map[frame.Code]*rejectRun
}

// rejectRun is what has been rejected since the first.
type rejectRun struct {
	total, unsaid int
	last, said    time.Time
}

func newRejectLog(log *slog.Logger) *rejectLog {
	return &rejectLog{log: log, runs: map[string]map[frame.Code]*rejectRun{}}
}

func (l *rejectLog) rejected(file *capture.File, why *frame.Rejection, now time.Time) {
	run := l.runs[file.Camera][why.Code]
	if run == nil {
		if l.runs[file.Camera] == nil {
			l.runs[file.Camera] = map[frame.Code]*rejectRun{}
		}
		l.runs[file.Camera][why.Code] = &rejectRun{total: 1, last: now, said: now}
		l.log.Info("file rejected", "camera", file.Camera, "file", file.Name, "code", why.Code, "reason", why.Code.Sentence(),
			"detail", why.Detail)
		return
	}
	run.total++
	run.unsaid++
	run.last = now
	if now.Sub(run.said) >= rejectPause {
		l.log.Info("more files rejected", "camera", file.Camera, "files", run.unsaid, "code", why.Code, "newest", file.Name,
			"detail", why.Detail)
		run.unsaid, run.said = 0, now
	}
}

// admitted ends the runs of a camera that has been well for a while: one that errs now and then does not recover each time.
func (l *rejectLog) admitted(camera string, now time.Time) {
	for code, run := range l.runs[camera] {
		if now.Sub(run.last) < rejectPause {
			continue
		}
		delete(l.runs[camera], code)
		l.log.Info("over: files rejected", "camera", camera, "code", code, "files", run.total)
	}
	if len(l.runs[camera]) == 0 {
		delete(l.runs, camera)
	}
}
