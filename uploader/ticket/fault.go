package ticket

import "fmt"

// Fault says which rule a ticket breaks. The values are stable: they stand in logs and in test vectors.
type Fault string

// Faults of a ticket, in the order in which Verify looks for them.
const (
	FaultFrame        Fault = "frame"         // it is for another frame
	FaultMethod       Fault = "method"        // not PUT
	FaultURL          Fault = "url"           // not an absolute URL, or one that parsers may read differently
	FaultScheme       Fault = "scheme"        // not https
	FaultUserinfo     Fault = "userinfo"      // user or password before the host
	FaultFragment     Fault = "fragment"      // a part after #
	FaultPort         Fault = "port"          // a port that the configuration does not name
	FaultHost         Fault = "host"          // a host that the configuration does not name
	FaultKey          Fault = "key"           // the key is malformed
	FaultStore        Fault = "store"         // the key is not under raw/<own store>/, or a canary's not under canary/<own store>/
	FaultDigest       Fault = "digest"        // the key does not contain the frame's SHA-256
	FaultPath         Fault = "path"          // the URL's path is not the key
	FaultQuery        Fault = "query"         // a parameter that is malformed, unknown, doubled or missing
	FaultSignature    Fault = "signature"     // not Signature Version 4
	FaultExpiry       Fault = "expiry"        // no lifetime, or one of more than 15 minutes
	FaultExpired      Fault = "expired"       // over already
	FaultFutureDated  Fault = "future_dated"  // signed for later
	FaultNotSigned    Fault = "not_signed"    // a header that must be signed is not
	FaultUnexpected   Fault = "unexpected"    // a header that was not expected is asked for
	FaultHeaderAbsent Fault = "header_absent" // a signed header has no value in the ticket
	FaultHeaderValue  Fault = "header_value"  // a header's value is not what the rig computed itself
)

// Error is the refusal of a ticket. It holds no secret: neither the URL's query nor the value of a header.
type Error struct {
	Fault  Fault
	Detail string
}

func (e *Error) Error() string {
	return fmt.Sprintf("ticket refused (%s): %s", e.Fault, e.Detail)
}

func fault(f Fault, format string, args ...any) error {
	return &Error{Fault: f, Detail: fmt.Sprintf(format, args...)}
}
