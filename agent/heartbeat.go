package agent

import (
	"shelfagent/agent/status"
	"shelfagent/uploader/ticket"
)

// heartbeat is what the backend hears of this rig.
func (a *Agent) heartbeat() ticket.Heartbeat { return heartbeat(a.Snapshot()) }

// heartbeat leaves out of a snapshot what is for people on the rig: words, paths and addresses.
func heartbeat(s status.Snapshot) ticket.Heartbeat {
	beat := ticket.Heartbeat{
		At: s.At, Version: s.Version, Started: s.Started, Verdict: string(s.Verdict),
		Queue: ticket.HeartbeatQueue{
			Waiting: s.Queue.Waiting, Parked: s.Queue.Parked, Delivered: s.Queue.Delivered,
			Bytes: s.Queue.Bytes, MaxBytes: s.Queue.MaxBytes, Oldest: s.Queue.Oldest,
		},
		Disk: ticket.HeartbeatDisk{Free: s.Disk.Free, Total: s.Disk.Total},
		Link: ticket.HeartbeatLink{
			Up: s.Link.Up, Paused: s.Link.Limit != nil && s.Link.Limit.Paused, BytesPerSecond: s.Link.BytesPerSecond,
			LastDelivered: s.Link.LastDelivered, CertificateExpires: s.Link.CertificateExpires,
		},
	}
	for _, c := range s.Cameras {
		beat.Cameras = append(beat.Cameras, ticket.HeartbeatCamera{
			Camera: c.ID, LastFrame: c.LastFrame, Admitted: c.Admitted, Rejected: c.Rejected, Waiting: c.Waiting, Parked: c.Parked,
		})
	}
	for _, c := range s.Conditions {
		beat.Conditions = append(beat.Conditions, ticket.HeartbeatCondition{
			Code: c.Code, Severity: c.Severity, Subject: c.Subject, Since: c.Since,
		})
	}
	return beat
}
