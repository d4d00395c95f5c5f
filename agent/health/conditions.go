package health

import "time"

// wayOut are the ways in which the backend or S3 cannot be spoken to at all.
var wayOut = []Code{LinkDown, BackendAway, S3Away, TLSIntercepted, WrongNetwork, ClockLost}

// notServed are the ways in which they answer, and do not serve this rig.
var notServed = []Code{BackendDenied, BackendFault, TicketRefused, TooFast, S3Denied, UploadsFail, TicketExpired, CertificateEnded}

// conditions is the one list.
var conditions = []Condition{
	{
		Code: CaptureMissing, Severity: Critical, Title: "The capture folder is missing or fails",
		Meaning: "The folder that the cameras write to is not there, its disk is not mounted or does not answer, or the agent cannot read " +
			"it or write to it. New frames may not be seen; those in the queue are still sent.",
		Do: "Check the cable and power of the capture disk, then its mount and the folder's permissions; if it is on another machine, " +
			"see whether that is there. The agent goes on by itself. " +
			"If the disk was replaced, run `sudo shelf-agent capture adopt` once the new one is mounted.",
	},
	{
		Code: CaptureUnmarked, Severity: Warning, Title: "The capture folder is not the one that this rig knows",
		Meaning: "The folder is there, but not the marker by which the agent knows its disk: the disk is not mounted, or it was " +
			"replaced or formatted. Frames that are written to the folder are taken in all the same.",
		Do: "See whether the capture disk is mounted, and mount it. If it was replaced, or the folder made anew: " +
			"`sudo shelf-agent capture adopt`.",
	},
	{
		Code: CaptureForeign, Severity: Critical, Title: "The capture disk is another rig's",
		Meaning: "The capture folder bears another rig's marker, so its pictures could be another shop's. They wait, and none is " +
			"taken in.",
		Do: "Put this rig's own disk in. If this one is to stay: take away the pictures that are not this shop's, then " +
			"`sudo shelf-agent capture adopt`.",
	},
	{
		Code: WatchLimit, Severity: Warning, Title: "The system's limit of watched folders is reached",
		Meaning: "The system watches no more folders for the agent, so new files in some are found by the rescan only: frames are late, " +
			"not lost.",
		Do: "Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances, as in `sudo sysctl fs.inotify.max_user_watches=524288`; " +
			"a file in /etc/sysctl.d keeps that over a restart. Or remove folders that no camera uses any more.",
		ExplainedBy: []Code{CaptureMissing}, ShowsAfter: 10 * time.Second,
	},
	{
		Code: WatchDead, Severity: Warning, Title: "New files are noticed late",
		Meaning: "The system does not tell the agent about new files. It looks by itself at every rescan, so frames are late, not lost.",
		Do: "Give the reason shown here to who looks after this machine. On a network share it is as it must be: shorten capture.rescan " +
			"if half a minute is too late.",
		ExplainedBy: []Code{CaptureMissing, WatchLimit}, ShowsAfter: 10 * time.Second,
	},
	{
		Code: FolderUnnamed, Severity: Warning, Title: "A folder names no camera",
		Meaning: "The folder's name cannot be a camera id, so its files wait where they are.",
		Do:      "Rename the folder, or give it a camera in [capture.folders] of the configuration.",
	},
	{
		Code: FilesOdd, Severity: Notice, Title: "Things that are no ordinary files lie in the capture folder",
		Meaning: "Links, pipes, devices or files with several names lie there. The agent opens none of them, so a picture among " +
			"them is not taken in.",
		Do: "Have the cameras' software write plain files, and remove what does not belong there.",
	},
	{
		Code: CamerasTooMany, Severity: Warning, Title: "There are too many camera folders",
		Meaning: "The capture folder has more folders than the agent follows. The files in those beyond wait where they are.",
		Do:      "Remove the folders that no camera uses any more, then restart the agent.",
	},
	{
		Code: FramesRejected, Severity: Notice, Title: "Files were rejected in the last hour",
		Meaning: "Some files are not valid pictures. They are kept, each with its reason, in the rejected folder.",
		Do:      "If it goes on: check that camera's lens, storage and network.",
	},
	{
		Code: MasksMismatch, Severity: Critical, Title: "Frames are held back: privacy masks do not fit",
		Meaning: "This camera's pictures have another shape than its privacy masks were drawn for, so the masks would cover something " +
			"else. Its frames are kept in the rejected folder, and none is sent.",
		Do: "Set the camera back to the picture format and direction that it had; or draw its masks anew, correct them in the " +
			"configuration, then `sudo systemctl reload shelf-agent`, and take the frames in again with " +
			"`sudo shelf-agent rejected retry --all`.",
	},
	{
		Code: FramesHeld, Severity: Warning, Title: "Frames are still held back",
		Meaning: "This camera's frames are sent again, but some that its privacy masks did not fit still lie in the rejected folder. " +
			"They stay until a person decides.",
		Do: "See them: sudo shelf-agent rejected list --code mask_mismatch. If the masks fit them now, take them in with " +
			"`sudo shelf-agent rejected retry --all --code mask_mismatch`; delete the others from the rejected folder.",
	},
	{
		Code: CameraSilent, Severity: Warning, Title: "A camera is silent",
		Meaning: "No new file has come from this camera for longer than the configuration allows, in hours in which it should film. Its " +
			"shelf is not seen.",
		Do: "Check the camera's power, its network cable and whether its storage is full; then whether it still writes to its folder. If it " +
			"films more seldom, or not at this hour, say so in [silence] of the configuration.",
		ExplainedBy: []Code{CaptureMissing, CaptureForeign}, ShowsAfter: 2 * time.Minute,
	},
	{
		Code: CameraDark, Severity: Warning, Title: "A camera's pictures are dark",
		Meaning: "The last frames of this camera show next to nothing. They are sent all the same.",
		Do: "Check whether the light is on and nothing covers the lens. If the shop is dark at night by intent, set judge.dark = 0 " +
			"for this camera.",
	},
	{
		Code: CameraBlownOut, Severity: Warning, Title: "A camera's pictures are blown out",
		Meaning: "The last frames of this camera are almost white. They are sent all the same.",
		Do:      "Check whether the sun or a lamp shines into the lens, then the camera's exposure.",
	},
	{
		Code: CameraBlurred, Severity: Warning, Title: "A camera's pictures are blurred",
		Meaning: "The last frames of this camera show no detail. They are sent all the same.",
		Do:      "Clean the lens, and see whether it is fogged; then focus it anew.",
	},
	{
		Code: CameraFrozen, Severity: Warning, Title: "A camera sends the same picture again and again",
		Meaning: "The last frames of this camera are the same. Perhaps it does not see its shelf any more. They are sent all the same.",
		Do: "If something moves before it now, cut its power for ten seconds. If nothing does, as in a closed shop, it is well; " +
			"raise judge.frozen for this camera.",
	},
	{
		Code: IntakeFailing, Severity: Critical, Title: "Files cannot be read or removed",
		Meaning:     "The agent sees files but cannot read or delete them. They stay where they are.",
		Do:          "Check the permissions of the capture folder: the agent's user needs to read, write and enter it.",
		ExplainedBy: []Code{CaptureMissing}, ShowsAfter: 5 * time.Second,
	},
	{
		Code: DiskLow, Severity: Warning, Title: "The disk is almost full",
		Meaning: "The disk of the queue has less than twice the space free that must stay free (queue.min_free). When that is reached, no " +
			"more frames are taken in.",
		Do: "See what fills it: `sudo du -xh / | sort -h | tail`. If it is the queue, get the uploads going again. Rejected files may be " +
			"deleted when somebody has looked at them.",
		ExplainedBy: []Code{QueueFull}, ShowsAfter: time.Minute,
	},
	{
		Code: QueueFull, Severity: Critical, Title: "The queue is full",
		Meaning: "The disk has no more room for frames. New files stay in the capture folder; nothing is deleted.",
		Do:      "Get the uploads going again, or free space on the disk.",
	},
	{
		Code: QueueFailing, Severity: Critical, Title: "The queue cannot be written",
		Meaning: "The disk refuses what the agent writes. New files stay in the capture folder.",
		Do:      "Check the disk: full, read-only or broken? See the system's log.", ExplainedBy: []Code{QueueFull},
	},
	{
		Code: QueueHealed, Severity: Notice, Title: "The queue was repaired",
		Meaning: "After a crash or power cut the agent repaired its queue at start. What was damaged is kept in the queue's damaged folder.",
		Do:      "Nothing, once. If it comes back: replace the disk.",
	},
	{
		Code: FramesParked, Severity: Warning, Title: "Frames need a person",
		Meaning: "Some frames were refused for a reason of their own, and wait.",
		Do:      "See why: sudo shelf-agent queue list --state parked. Then: sudo shelf-agent queue retry, or drop.",
	},
	{
		Code: PayloadDamaged, Severity: Warning, Title: "Frames are damaged on the disk",
		Meaning: "The disk holds other bytes for these frames than were written to it, or none. They are not sent, because they are not what " +
			"the camera saw.",
		Do: "Replace the disk: it loses data. See which frames: sudo shelf-agent queue list --state parked. Then give them up: " +
			"sudo shelf-agent queue drop.",
	},
	{
		Code: LinkDown, Severity: Critical, Title: "The link is down",
		Meaning: "Neither the backend nor S3 can be reached. Frames wait in the queue and go out when the link is back.",
		Do:      "Check the router and the network cable; then whether a firewall blocks the hosts in the configuration.", ExplainedBy: []Code{ClockLost},
	},
	{
		Code: BackendAway, Severity: Critical, Title: "The backend cannot be reached",
		Meaning: "The server that gives tickets does not answer as it should, though S3 can be reached. Frames wait in the queue and go " +
			"out when it is back.",
		Do: "Let this network's firewall pass backend.url's host and port. If that is so already, give the reason shown here to the " +
			"cloud team.",
		ExplainedBy: []Code{ClockLost}, ShowsAfter: 5 * time.Second,
	},
	{
		Code: S3Away, Severity: Critical, Title: "S3 cannot be reached",
		Meaning: "The backend gives tickets, but the bucket does not answer as it should. Frames wait in the queue and go out when it is back.",
		Do: "Check the VPN or Direct Connect, and let this network's firewall pass upload.hosts at port 443. If that is so already, " +
			"give the reason shown here to the cloud team.",
		ExplainedBy: []Code{ClockLost}, ShowsAfter: 5 * time.Second,
	},
	{
		Code: TLSIntercepted, Severity: Critical, Title: "Someone answers in the place of the backend or S3",
		Meaning: "What answers there shows a certificate that is not theirs: a firewall looks into TLS, or a login page stands before the " +
			"network. Nothing was sent to it.",
		Do: "Have backend.url's host and upload.hosts excepted from TLS inspection in the firewall that the reason names. If it is the cloud " +
			"team's own authority, put its certificate into backend.ca or upload.ca.",
	},
	{
		Code: WrongNetwork, Severity: Critical, Title: "A name leads to a forbidden address",
		Meaning: "The bucket's name, or the backend's, leads to an address that the configuration does not allow, so nothing is sent.",
		Do:      "Check the VPN or Direct Connect, and the DNS server that this machine uses.",
	},
	{
		Code: BackendDenied, Severity: Critical, Title: "The backend does not accept this rig",
		Meaning:     "The backend refuses this rig's certificate. Frames wait in the queue.",
		Do:          "Ask the cloud team whether this rig is enrolled and not revoked. If it has to be enrolled anew, they give a code: sudo shelf-agent enroll.",
		ExplainedBy: []Code{CertificateEnded},
	},
	{
		Code: BackendFault, Severity: Critical, Title: "The backend answers nonsense",
		Meaning: "What answers at the backend's address does not speak its language: perhaps a login page or another program.",
		Do:      "Check backend.url in the configuration.",
	},
	{
		Code: TicketRefused, Severity: Critical, Title: "Tickets are refused by this rig",
		Meaning: "The backend wants frames sent somewhere, or somehow, that this rig's configuration does not allow.",
		Do:      "Compare upload.hosts and upload.kms_key_arn with what the cloud team uses, and check this machine's clock.",
	},
	{
		Code: TooFast, Severity: Notice, Title: "Uploads were slowed down",
		Meaning: "The backend or S3 asked for fewer requests. The agent obeys.",
		Do:      "Nothing, unless it lasts.",
	},
	{
		Code: S3Denied, Severity: Critical, Title: "S3 refuses the uploads",
		Meaning: "Tickets are given, but S3 does not accept them. Frames wait in the queue.",
		Do:      "Ask the cloud team to check the bucket policy, the KMS key policy and the backend's role.",
	},
	{
		Code: UploadsFail, Severity: Critical, Title: "Uploads fail",
		Meaning: "Several frames in a row failed in the same unexpected way. Frames wait in the queue.",
		Do:      "Give the reason shown here to the cloud team.",
	},
	{
		Code: NothingDelivered, Severity: Critical, Title: "Nothing is delivered, although frames wait",
		Meaning: "Frames wait in the queue, nothing is known to be wrong, and yet none has arrived for half an hour.",
		Do: "If the line is very slow, wait for the frame under way. Otherwise run `sudo -u shelf-agent shelf-agent doctor`; then restart the " +
			"agent with `sudo shelf-agent service restart`, and tell the cloud team.",
		ExplainedBy: append(append([]Code{QueueFailing}, wayOut...), notServed...), ShowsAfter: 30 * time.Minute,
	},
	{
		Code: CertificateEnds, Severity: Warning, Title: "The device certificate ends soon",
		Meaning: "After that day the backend will not accept this rig. The agent renews the certificate by itself while link and backend are well.",
		Do: "See what else is said here about link, backend and clock. If nothing helps, ask the cloud team for an invitation, and enrol " +
			"the rig anew with its code: sudo shelf-agent enroll. Where certificates are not renewed by the agent (backend.renew), put a new one in place.",
		ExplainedBy: []Code{CertificateEnded},
	},
	{
		Code: CertificateEnded, Severity: Critical, Title: "The device certificate has ended",
		Meaning: "The backend does not accept this rig any more. Cameras are still recorded; frames wait in the queue.",
		Do: "If this machine's clock is right, ask the cloud team for an invitation, and enrol the rig anew with its code: " +
			"sudo shelf-agent enroll. The agent takes the new certificate without a restart.",
	},
	{
		Code: RenewalFails, Severity: Warning, Title: "The device certificate could not be renewed",
		Meaning: "The agent has asked for the next certificate, and goes on asking. Frames go out until the present one ends.",
		Do: "Where the reason is a folder that cannot be written to, give the agent's user that right, or leave backend.certificate empty and " +
			"enrol the rig anew. Otherwise give the reason to the cloud team; an invitation of theirs mends most: sudo shelf-agent enroll.",
		ExplainedBy: append([]Code{CertificateEnded, CertificateEnds, BackendDenied, ClockWrong}, wayOut...),
	},
	{
		Code: CertificateStuck, Severity: Warning, Title: "The new device certificate cannot be used",
		Meaning: "A new certificate and key were put in place, but they cannot be used. The agent goes on with the old ones until they end.",
		Do:      "Check that both files belong together, are complete, and that the key can be read by the agent alone.",
	},
	{
		Code: TicketExpired, Severity: Critical, Title: "Tickets are over before they are used",
		Meaning: "S3 says that the time of every ticket is over, even of new ones. Frames wait in the queue.",
		Do:      "Compare this machine's clock with the right time; if it is right, ask the cloud team to check the backend's.",
	},
	{
		Code: ClockLost, Severity: Critical, Title: "The clock has lost its time",
		Meaning: "This machine's clock says a time that is long past, as after a power cut without a battery. With it no certificate can be " +
			"checked, so nothing is sent; and frames whose camera does not say the time are stamped wrongly.",
		Do: "Check that time synchronisation (NTP) is on and allowed by the firewall: timedatectl. Until then set the time by hand: " +
			"sudo timedatectl set-time \"2026-11-22 14:05\". If it comes back after each power cut, replace the clock's battery.",
	},
	{
		Code: ClockWrong, Severity: Warning, Title: "The clock is wrong",
		Meaning: "This machine's clock and the backend's differ by more than a minute. Capture times may be wrong, and beyond five minutes tickets are refused.",
		Do:      "Check that time synchronisation (NTP) is on and allowed by the firewall.", ExplainedBy: []Code{ClockLost},
	},
	{
		Code: ClockUntrusted, Severity: Notice, Title: "Nobody has confirmed the clock",
		Meaning: "Since it started, the agent could not compare this machine's clock with the backend's. Capture times may be wrong; frames " +
			"say so.",
		Do:          "See what else is said here about link and backend. If nothing is, check that time synchronisation (NTP) is on: timedatectl.",
		ExplainedBy: append([]Code{BackendDenied, BackendFault}, wayOut...), ShowsAfter: 15 * time.Minute,
	},
	{
		Code: PageUnavailable, Severity: Warning, Title: "The status page cannot be shown",
		Meaning: "The address of the status page and its metrics cannot be used: another program has it, or it is not this machine's. " +
			"Frames flow all the same, and the agent tries again twice a minute.",
		Do: "End the other program, or name a free address and port of this machine in status.listen and restart the agent; \"\" is for no page.",
	},
	{
		Code: ConfigReloadFailed, Severity: Warning, Title: "A changed configuration is not in use",
		Meaning: "The configuration was reloaded, but it holds a mistake, or changes that only a restart puts in force. The agent goes " +
			"on with what it had before.",
		Do: "Run `shelf-agent config check` and mend what it names, then `sudo systemctl reload shelf-agent`. If it names nothing, or a " +
			"restart is waited for: sudo shelf-agent service restart.",
	},
}

var byCode = func() map[Code]Condition {
	all := make(map[Code]Condition, len(conditions))
	for _, c := range conditions {
		all[c.Code] = c
	}
	return all
}()

// All returns every declared condition.
func All() []Condition { return append([]Condition(nil), conditions...) }
