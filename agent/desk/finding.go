package desk

import "shelfagent/queue"

// Finding is a queue.Finding with its meaning, for people.
type Finding struct {
	Code  queue.FindingCode `json:"code"`
	ID    queue.ID          `json:"id,omitempty"` // none for a stray file
	Path  string            `json:"path"`         // below the queue's folder
	Saw   string            `json:"saw"`
	Means string            `json:"means"`
	Do    string            `json:"do"`
}

// Verified says how much was looked at.
type Verified struct {
	Records  int64 `json:"records"`
	Payloads int64 `json:"payloads"`
	Bytes    int64 `json:"bytes"` // read and hashed
	Findings int64 `json:"findings"`
}

type words struct{ means, do string }

// healing is how the queue is made to compare and mend itself.
const healing = "stop the agent, delete the file \"clean\" in the queue's folder if it is there, and start the agent: " +
	"it then compares everything and mends what can be mended."

// findingWords has an entry for each code.
var findingWords = map[queue.FindingCode]words{
	queue.FindMissing: {
		"The queue knows this frame, but its picture is gone from the disk. It cannot be delivered.",
		"If the camera still has the picture, copy it to the capture folder again: it goes back into its place. Otherwise " +
			"drop the frame. If there are many, suspect the disk.",
	},
	queue.FindDamaged: {
		"The picture on the disk is not the one that was queued. It is never delivered like this.",
		"If the camera still has the picture, drop this frame and copy the picture to the capture folder again. Suspect " +
			"the disk: a sound one does not change what it keeps.",
	},
	queue.FindUnreadable: {
		"The disk gives an error instead of this picture. The frame is tried again later.",
		"Export the queue to another disk and replace this one. If it is a matter of permissions, give the folder back " +
			"to the agent's user.",
	},
	queue.FindUnrecorded: {
		"A picture is there that the queue does not know of. It is safe, but nobody delivers it.",
		"To have it adopted, " + healing,
	},
	queue.FindLeftover: {
		"This frame has left the queue, its picture could not be removed then. It only takes up room.",
		"Nothing; the agent removes it when it starts. If it stays, " + healing,
	},
	queue.FindRecord: {
		"What the queue wrote down about this frame is damaged. The picture has a check of its own.",
		"To have the record made again, " + healing + " Suspect the disk.",
	},
	queue.FindStray: {
		"A file that is no queued picture lies among them. It does no harm, but it should not be there.",
		"Move it away, or leave it: the agent moves it to damaged/ when it next starts after a power cut.",
	},
}

func findingOf(f queue.Finding) Finding {
	w := findingWords[f.Code]
	return Finding{Code: f.Code, ID: f.ID, Path: f.Path, Saw: f.Detail, Means: w.means, Do: w.do}
}
