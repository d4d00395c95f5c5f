package agent

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"time"

	"shelfagent/agent/health"
	"shelfagent/agent/status"
	"shelfagent/queue"
	"shelfagent/uploader"
)

// Snapshot is the agent at this moment, for people and programs.
func (a *Agent) Snapshot() status.Snapshot {
	now := time.Now()
	f := a.lookAndObserve(now)
	active := a.health.Active()
	name := a.identity.Name()
	return status.Snapshot{
		Verdict: verdict(active), At: now.UTC(), Version: a.version, Store: name.Store, Rig: name.Rig,
		Started: a.started, PID: os.Getpid(), Page: a.Page(),
		Conditions: conditions(active), Cameras: cameras(f, a.intake.pictures), Queue: queueView(f), Link: linkView(f.uploader),
		Disk:       status.Disk{Free: f.queue.DiskFree, Total: f.queue.DiskTotal, Reserved: f.queue.MinFree},
		Intake:     status.Intake{Admitted: sum(f.intake.admitted), Rejected: byCode(f.intake.rejected)},
		HourlyFrom: hourlyFrom(now), Recent: a.intake.recent.newest(a.queue),
	}
}

func verdict(active []health.Active) status.Verdict {
	worst := status.Healthy
	for _, c := range active {
		switch c.Severity {
		case health.Critical:
			return status.Down
		case health.Warning:
			worst = status.Degraded
		case health.Notice: // nothing is wrong now
		}
	}
	return worst
}

func conditions(active []health.Active) []status.Condition {
	list := make([]status.Condition, len(active))
	for i, c := range active {
		list[i] = status.Condition{
			Code: string(c.Code), Severity: c.Severity.String(), Title: c.Title, Subject: c.Subject, Detail: c.Detail,
			Meaning: c.Meaning, Do: c.Do, Since: c.Since,
		}
	}
	return list
}

// cameras joins what each stage knows of a camera.
func cameras(f facts, shown *pictures) []status.Camera {
	byID := map[string]*status.Camera{}
	camera := func(id string) *status.Camera {
		if byID[id] == nil {
			byID[id] = &status.Camera{ID: id}
		}
		return byID[id]
	}
	for _, c := range f.capture.Cameras {
		v := camera(c.Camera)
		v.Files, v.Seen = int64(c.Waiting), int64(c.Seen)
	}
	for id, codes := range f.intake.rejected {
		v := camera(id)
		v.Rejected, v.RejectedFor = sum(codes), codes
	}
	for _, c := range f.queue.Cameras {
		v := camera(c.Camera)
		v.LastFrame, v.Waiting, v.Parked, v.Delivered, v.Dropped = c.LastCaptured, c.Pending(), c.Parked, c.Delivered, c.Dropped
		v.Admitted = c.Pending() + c.Parked + c.Delivered + c.Dropped
		v.DeliveredBytes, v.Delays = c.Sent, delays(c.Delays)
	}
	for id, counts := range f.intake.hourly {
		camera(id).Hourly = counts
	}
	list := make([]status.Camera, 0, len(byID))
	for _, c := range byID {
		c.Picture = shown.taken(c.ID)
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b status.Camera) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// delays adds up what the queue counts place by place.
func delays(d queue.Delays) status.Delays {
	all := status.Delays{Buckets: map[float64]uint64{}, Sum: d.Sum.Seconds()}
	for i, n := range d.Counts {
		all.Count += uint64(max(n, 0))
		if i < len(queue.DelayBounds) {
			all.Buckets[queue.DelayBounds[i]] = all.Count
		}
	}
	return all
}

// byCode adds up the cameras.
func byCode(rejected map[string]map[string]int64) map[string]int64 {
	all := map[string]int64{}
	for _, codes := range rejected {
		for code, n := range codes {
			all[code] += n
		}
	}
	return all
}

func queueView(f facts) status.Queue {
	q := status.Queue{
		Waiting: f.queue.Pending(), InFlight: f.queue.Leased, Parked: f.queue.Parked, Delivered: f.queue.Delivered,
		Bytes: f.queue.Bytes, MaxBytes: f.queue.MaxBytes, Oldest: f.queue.OldestCaptured,
	}
	if speed := f.uploader.BytesPerSecond; q.Waiting > 0 && speed >= 1 && f.uploader.Outage == nil && !paused(f.uploader) {
		eta := float64(f.queue.Bytes) / speed
		q.ETA = &eta
	}
	return q
}

func paused(u uploader.Status) bool { return u.Limit != nil && u.Limit.Paused }

func linkView(u uploader.Status) status.Link {
	broken := outage(u)
	l := status.Link{
		Up: broken == nil, Slots: u.Slots, BytesPerSecond: u.BytesPerSecond, LastDelivered: u.LastDelivered,
		Outcomes:       map[string]uint64{},
		BackendAddress: u.BackendAddress, S3Address: u.S3Address, S3Private: u.S3Private,
		ClockOffset: u.ClockOffset, Begins: u.Begins, LastHeartbeat: u.LastHeartbeat, HeartbeatProblem: u.HeartbeatProblem,
		CertificateExpires: u.CertificateExpires,
	}
	for cause, n := range u.Outcomes {
		l.Outcomes[string(cause)] = n
	}
	if u.Limit != nil {
		limit := status.Limit(*u.Limit)
		l.Limit = &limit
	}
	if broken != nil {
		l.Reason, l.Since, l.NextTry = broken.Reason, broken.Since.UTC(), broken.Next.UTC()
	}
	return l
}

func sum(m map[string]int64) int64 {
	var total int64
	for n := range maps.Values(m) {
		total += n
	}
	return total
}
