package status

import (
	"strconv"
	"strings"
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
	descAdmitted    = desc("camera_admitted_total", "Frames taken into the queue since the start.", "camera")
	descRejected    = desc("rejected_total", "Files rejected since the start.", "code")
	descDelivered   = desc("camera_delivered_total", "Frames proven in S3 since the queue was made.", "camera")
	descFiles       = desc("camera_files", "Files in the capture folder.", "camera")
	descWaiting     = desc("camera_waiting", "Frames in the queue that are to be delivered.", "camera")
	descParked      = desc("camera_parked", "Frames in the queue that need a person.", "camera")
	descLastFrame   = desc("camera_last_frame_time_seconds", "Capture time of the newest frame, in Unix time.", "camera")
	descQueueBytes  = desc("queue_bytes", "Payloads in the queue.")
	descQueueOldest = desc("queue_oldest_time_seconds", "Capture time of the oldest frame that waits, in Unix time.")
	descLinkUp      = desc("link_up", "1 while uploads run.")
	descOutcomes    = desc("upload_outcomes_total", "Tries to upload since the start.", "cause")
	descPaused      = desc("upload_paused", "1 while a bandwidth window keeps uploads from beginning; absent without windows or a rate.")
	descSlots       = desc("upload_slots", "Transfers that may run at once now.")
	descCertificate = desc("certificate_expiry_time_seconds", "End of the device certificate, in Unix time.")
	descClock       = desc("clock_offset_seconds", "How far the backend's clock is ahead.")
	descDiskFree    = desc("disk_free_bytes", "Free space on the queue's disk.")
)

// Describe names nothing: which metrics there are depends on cameras and causes that come later.
func (collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, valid(labels)...)
	}
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, valid(labels)...)
	}
	gauge(descInfo, 1, s.Version, s.Store, s.Rig)
	gauge(descStarted, float64(s.Started.Unix()))
	for _, condition := range s.Conditions {
		gauge(descCondition, 1, condition.Code, condition.Severity, condition.Subject)
	}
	for _, camera := range s.Cameras {
		counter(descAdmitted, float64(camera.Admitted), camera.ID)
		counter(descDelivered, float64(camera.Delivered), camera.ID)
		gauge(descFiles, float64(camera.Files), camera.ID)
		gauge(descWaiting, float64(camera.Waiting), camera.ID)
		gauge(descParked, float64(camera.Parked), camera.ID)
		if !camera.LastFrame.IsZero() {
			gauge(descLastFrame, float64(camera.LastFrame.Unix()), camera.ID)
		}
	}
	for code, n := range s.Intake.Rejected {
		counter(descRejected, float64(n), code)
	}
	gauge(descQueueBytes, float64(s.Queue.Bytes))
	if !s.Queue.Oldest.IsZero() {
		gauge(descQueueOldest, float64(s.Queue.Oldest.Unix()))
	}
	gauge(descLinkUp, truth(s.Link.Up))
	for cause, n := range s.Link.Outcomes {
		counter(descOutcomes, float64(n), cause)
	}
	gauge(descSlots, float64(s.Link.Slots))
	if s.Link.Limit != nil {
		gauge(descPaused, truth(s.Link.Limit.Paused))
	}
	if !s.Link.CertificateExpires.IsZero() {
		gauge(descCertificate, float64(s.Link.CertificateExpires.Unix()))
	}
	if s.Link.ClockOffset != nil {
		gauge(descClock, *s.Link.ClockOffset)
	}
	if s.Disk.Total > 0 { // unknown is not full
		gauge(descDiskFree, float64(s.Disk.Free))
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
