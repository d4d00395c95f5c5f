// Package doctor walks the real path once, from the capture folder to S3's door, and says of each step
// whether it works, what was seen, and what to do.
//
// It changes nothing but for small probe files that it writes to the capture folder, the state folder and the queue's
// and deletes again, and holds the page's address for a moment if it is free. It works whether the agent runs or not. A step that needs an earlier one which failed is skipped.
//
// It does not upload: the last step ends with the TLS handshake at S3.
package doctor
