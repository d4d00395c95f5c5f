// Package e2e tests the whole way of a frame with nothing faked: both programs as processes, a real S3 server
// over TLS, real files, SIGKILL at random moments. It holds tests only.
package e2e
