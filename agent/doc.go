// Package agent puts the stages together: capture → frame → queue → uploader, with health and status beside
// them. It owns their goroutines and the order in which they start and stop, and nothing else.
//
// # The way of one frame
//
// An intake worker takes a complete file from capture, makes a private frame of it, puts that into the queue
// and, once Put has said that it is durable, removes the file. What is no frame goes to the rejected folder.
// What cannot be stored now stays where it is and is offered again. From the queue the uploader takes it on.
//
// A picture whose pixels have to be decoded is marked meanwhile, in state_dir/decoding.json: one that has ended the
// agent three times goes to the rejected folder as poison. A camera's rejected files are in the log by the first of
// a kind, by their number every ten minutes, and by their end.
//
// # What the page shows
//
// Intake remembers for the status page, in memory only and within bounds: a small picture of each camera's last frame, as it
// leaves the shop; how many frames each hour of the last day had; and which files came last. What became of those is asked
// of the queue whenever somebody looks. After a restart the pictures come with the next frames.
//
// # A configuration that changes
//
// One place knows what is in force: inForce. Reload reads the configuration anew, finds what has another value, and hands
// it to who can take it while running; takers is the list. A mistake, or a stage that refuses, changes nothing at all.
// What nobody can take goes on as it was until a restart, and is a condition until then. Frames that workers hold at that
// moment go by the rules before; when Reload has returned, every frame that is taken up goes by the new ones.
//
// # Loops that hang
//
// Each intake worker, the queue's committer, the uploader and the look at the conditions say at every turn when they will
// be heard from again; Stuck lists those that have not kept their word. Transfers have watchdogs of their own.
//
// Waiting for the capture folder is no hang: a network mount whose server is gone does not answer, a new start would wait
// there again, and the uploads, which have nothing to do with it, would end. What hangs there is a state of capture's, and
// so the condition capture_missing. Open waits for the folder some seconds, and so does the end.
//
// # Start and stop
//
// Open binds and opens everything that can fail: the capture folder, the queue, the device certificate, the
// status socket. Run then runs until its context ends, and stops in this order, so that nothing is asked of
// a stage that is gone: intake; uploads, which finish or are aborted, and the heartbeat; the queue; status last.
package agent
