// Package mototest runs moto's server, a fake of AWS, for tests: DynamoDB and Secrets Manager over the wire.
//
// It is a fake. It checks no signature and no policy, and its transactions are simpler than DynamoDB's own: what
// runs against it here runs against a file in the same contract suite.
//
// A machine without moto_server (Python's moto, with its server extra) skips these tests, and `make test` says so.
package mototest
