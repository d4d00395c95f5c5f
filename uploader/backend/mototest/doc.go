// Package mototest runs moto's server, a fake of AWS, for tests: DynamoDB, Secrets Manager, S3, SNS and SQS over the
// wire.
//
// It is a fake. It checks no signature and no policy, and is not safe for requests at the same time, so that they are
// let through one by one: races between the requests of several clients are real, races within one are not. What runs
// against it here runs against a file in the same contract suite.
//
// A machine without moto_server (Python's moto, with its server extra) skips these tests, and `make test` says so.
package mototest
