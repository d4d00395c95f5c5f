package status

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns a Snapshot into metrics at each scrape: they are read from the same truth as everything
// else, not counted beside it.
type collector struct{ snapshot func() Snapshot }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("shelf_agent_"+name, help, labels, nil)
}

var (
	descInfo        = desc("info", "The agent; always 1.", "version", "store", "rig")
	descStarted     = desc("start_time_seconds", "When the agent started, in Unix time.")
	descCondition   = desc("condition", "1 for each condition that is true now.", "code", "severity", "subject")
	descSeen        = desc("camera_seen_total", "Files that capture has handed out since the start.", "camera")
	descAdmitted    = desc("camera_admitted_total", "Frames taken into the queue since it was made.", "camera")
	descRejected    = desc("camera_rejected_total", "Files rejected since the start.", "camera", "code")
	descDelivered   = desc("camera_delivered_total", "Frames proven in S3 since the queue was made.", "camera")
	descBytes       = desc("camera_delivered_bytes_total", "Bytes of the frames proven in S3 since the queue was made.", "camera")
	descDropped     = desc("camera_dropped_total", "Frames that a person gave up since the queue was made.", "camera")
	descDelays      = desc("camera_capture_to_cloud_seconds", "Time from capture to proof in S3, since the queue was made.", "camera")
	descFiles       = desc("camera_files", "Files in the capture folder.", "camera")
	descWaiting     = desc("camera_waiting", "Frames in the queue that are to be delivered.", "camera")
	descParked      = desc("camera_parked", "Frames in the queue that need a person.", "camera")
	descLastFrame   = desc("camera_last_frame_time_seconds", "Capture time of the newest frame, in Unix time.", "camera")
	descQueueFrames = desc("queue_frames", "Frames in the queue; in_flight are on their way at this moment.", "state")
	descQueueBytes  = desc("queue_bytes", "Payloads in the queue.")
	descQueueMax    = desc("queue_max_bytes", "How large the queue may grow.")
	descQueueOldest = desc("queue_oldest_time_seconds", "Capture time of the oldest frame that waits, in Unix time.")
	descLinkUp      = desc("link_up", "1 while uploads run, or would.")
	descBreaker     = desc("upload_breaker_open", "1 while uploads wait for a probe to get through.")
	descOutcomes    = desc("upload_outcomes_total", "Tries to upload since the start.", "cause")
	descPaused      = desc("upload_paused", "1 while a bandwidth window keeps uploads from beginning; absent without windows or a rate.")
	descSlots       = desc("upload_slots", "Transfers that may run at once now.")
	descLastSent    = desc("last_delivered_time_seconds", "When a frame was last proven in S3, in Unix time; absent before the first since the start.")
	descHeard       = desc("last_heartbeat_time_seconds", "When the backend last answered a heartbeat, in Unix time.")
	descCertificate = desc("certificate_expiry_time_seconds", "End of the device certificate, in Unix time.")
	descClock       = desc("clock_offset_seconds", "How far the backend's clock is ahead.")
	descDiskFree    = desc("disk_free_bytes", "Free space on the queue's disk.")
	descDiskSize    = desc("disk_size_bytes", "Size of the queue's disk.")
	descDiskKept    = desc("disk_reserved_bytes", "Space on the queue's disk that must stay free.")
)

// Describe names nothing: which metrics there are depends on cameras and causes that come later.
func (collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	e := exposition{out}
	e.gauge(descInfo, 1, s.Version, s.Store, s.Rig)
	e.gauge(descStarted, float64(s.Started.Unix()))
	for _, condition := range s.Conditions {
		e.gauge(descCondition, 1, condition.Code, condition.Severity, condition.Subject)
	}
	for _, camera := range s.Cameras {
		e.camera(camera)
	}
	e.queue(s.Queue)
	e.link(s.Link)
	if s.Disk.Total > 0 { // unknown is not full
		e.gauge(descDiskFree, float64(s.Disk.Free))
		e.gauge(descDiskSize, float64(s.Disk.Total))
		e.gauge(descDiskKept, float64(s.Disk.Reserved))
	}
}

// exposition is where the metrics of one scrape go.
type exposition struct{ out chan<- prometheus.Metric }

func (e exposition) gauge(d *prometheus.Desc, value float64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, valid(labels)...)
}

func (e exposition) counter(d *prometheus.Desc, value float64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, valid(labels)...)
}

// moment leaves out what has not been yet.
func (e exposition) moment(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		e.gauge(d, float64(at.Unix()), labels...)
	}
}

func (e exposition) camera(c Camera) {
	e.counter(descSeen, float64(c.Seen), c.ID)
	e.counter(descAdmitted, float64(c.Admitted), c.ID)
	for code, n := range c.RejectedFor {
		e.counter(descRejected, float64(n), c.ID, code)
	}
	e.counter(descDelivered, float64(c.Delivered), c.ID)
	e.counter(descBytes, float64(c.DeliveredBytes), c.ID)
	e.counter(descDropped, float64(c.Dropped), c.ID)
	e.out <- prometheus.MustNewConstHistogram(descDelays, c.Delays.Count, c.Delays.Sum, c.Delays.Buckets, valid([]string{c.ID})...)
	e.gauge(descFiles, float64(c.Files), c.ID)
	e.gauge(descWaiting, float64(c.Waiting), c.ID)
	e.gauge(descParked, float64(c.Parked), c.ID)
	e.moment(descLastFrame, c.LastFrame, c.ID)
}

func (e exposition) queue(q Queue) {
	e.gauge(descQueueFrames, float64(q.Waiting-q.InFlight), "waiting")
	e.gauge(descQueueFrames, float64(q.InFlight), "in_flight")
	e.gauge(descQueueFrames, float64(q.Parked), "parked")
	e.gauge(descQueueBytes, float64(q.Bytes))
	e.gauge(descQueueMax, float64(q.MaxBytes))
	e.moment(descQueueOldest, q.Oldest)
}

func (e exposition) link(l Link) {
	e.gauge(descLinkUp, truth(l.Up))
	e.gauge(descBreaker, truth(!l.Up && !l.NextTry.IsZero())) // or it is only known that the backend hears nothing
	for cause, n := range l.Outcomes {
		e.counter(descOutcomes, float64(n), cause)
	}
	e.gauge(descSlots, float64(l.Slots))
	if l.Limit != nil {
		e.gauge(descPaused, truth(l.Limit.Paused))
	}
	e.moment(descLastSent, l.LastDelivered)
	e.moment(descHeard, l.LastHeartbeat)
	e.moment(descCertificate, l.CertificateExpires)
	if l.ClockOffset != nil {
		e.gauge(descClock, *l.ClockOffset)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// valid makes labels of what others wrote: a folder's name can be any bytes, and the library ends the program
// over a label that is not UTF-8. Names that differ stay different, or the library refuses to answer at all: so a
// name that could be taken for a quoted one is quoted too.
func valid(labels []string) []string {
	for i, label := range labels {
		if !utf8.ValidString(label) || strings.Contains(label, `\`) {
			quoted := strconv.Quote(label)
			labels[i] = quoted[1 : len(quoted)-1]
		}
	}
	return labels
}
