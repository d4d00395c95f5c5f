// Package diagnosis says which declared condition it is that keeps frames from leaving: one list for the agent that runs
// and for its doctor. It knows the words of neither: those of the uploader say what was seen, those of agent/health what to
// do about it.
package diagnosis

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"shelfagent/agent/health"
	"shelfagent/uploader"
)

// ClockTolerance is how far this machine's clock may be from the backend's before somebody should look.
const ClockTolerance = time.Minute

var causes = map[uploader.Cause]health.Code{
	uploader.CauseWrongNetwork:  health.WrongNetwork,
	uploader.CauseTooFast:       health.TooFast,
	uploader.CauseBackendDenied: health.BackendDenied,
	uploader.CauseBackendFault:  health.BackendFault,
	uploader.CauseTicketRefused: health.TicketRefused,
	uploader.CauseTicketExpired: health.TicketExpired,
	uploader.CauseS3Denied:      health.S3Denied,
	uploader.CauseUnknown:       health.UploadsFail,
}

// places are where the way is broken, for CauseLink.
var places = map[uploader.Place]health.Code{
	uploader.PlaceLine:     health.LinkDown,
	uploader.PlaceBackend:  health.BackendAway,
	uploader.PlaceS3:       health.S3Away,
	uploader.PlaceImpostor: health.TLSIntercepted,
}

// Of is the condition of an outage; "" for what is none, such as a fault of one frame or of the queue.
func Of(cause uploader.Cause, place uploader.Place) health.Code {
	if cause == uploader.CauseLink {
		return cmp.Or(places[place], health.LinkDown)
	}
	return causes[cause]
}

// OfSeen is the condition that one outcome would make, if it lasted.
func OfSeen(seen uploader.Seen) health.Code {
	cause := uploader.Judge(seen).Cause
	switch cause {
	case uploader.CauseLink:
		return Of(cause, uploader.PlaceOf(seen))
	case uploader.CauseUnproven: // of one frame it is nothing yet
		return health.UploadsFail
	}
	return Of(cause, "")
}

// All are the conditions that Of knows.
func All() []health.Code {
	return slices.AppendSeq(slices.Collect(maps.Values(causes)), maps.Values(places))
}
