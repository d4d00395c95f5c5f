package status

import _ "embed" // for Fields

// Fields explains a Snapshot's JSON, field by field. A test holds it against the types: it is the promise to programs that
// read the document.
//
//go:embed fields.txt
var Fields string
