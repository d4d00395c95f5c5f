// Package terraform is the cloud side of shelf-agent as code: the modules beside this file. README.md is their runbook.
// Here is what holds them to it; nothing of it is in a program.
//
// # What is tested
//
//	fmt, validate, test   every module, against a mocked AWS; each promise of the README is an assertion
//	mistakes              deliberate ones, one at a time, each of which one of these assertions must notice
//	sources               read as text: tables have the program's attributes, each alarm its steps in the README, and
//	                      each wildcard its reason
//
// The first two need terraform and a mirror of its providers: `make test-terraform` looks for both, and says so when
// there are none. Nothing is asked of the network.
//
// # Not here
//
// A mock knows no AWS: what a service refuses although the provider takes it is not seen. What policies mean together,
// and what can be applied, other tests say.
package terraform
