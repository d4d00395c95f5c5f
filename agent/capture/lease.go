package capture

// leaseAnswer is what the system says about a file's writers.
type leaseAnswer int

const (
	_           leaseAnswer = iota
	leaseTaken              // nobody has the file open for writing, and the lease is held: giveLease
	leaseBusy               // someone has it open for writing
	leaseUnsure             // this system, file system or owner cannot say
)
