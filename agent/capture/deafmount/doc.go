// Package deafmount is a mount that can be made not to answer, as a network mount whose server is gone: system calls on it
// wait, and no signal but SIGKILL ends them. It is a rig for tests: nothing that is shipped imports it.
//
// It serves a folder of this machine over FUSE, from the process of the test. A test that ends in the middle leaves no mount:
// a process of its own waits for that.
//
// # Limits
//
// It needs Linux, root and /dev/fuse. Names and attributes are not cached, so that each look
// asks; what the kernel has read of a file it may give again without asking.
package deafmount
