// Package e2e tests the whole way of a frame with nothing faked: both programs as processes, a real S3 server
// over TLS, real files. It holds tests only.
//
// What goes wrong in them, at chosen and at random moments:
//
//   - SIGKILL of the agent and of the backend;
//   - the line, by toxiproxy: slow, thin, cut, reset, or a hole (line_test.go);
//   - DNS that fails, lies or changes its mind, and a backend in a thief's hands, in a network of the test's own where
//     every address answers and every packet is seen (world_linux_test.go);
//   - certificates of the servers, of a firewall between, and of the rig;
//   - the time of day of either program (clock_linux_test.go).
//
// After each: nothing is lost, nothing is there twice, nobody else was spoken to, and `shelf-agent status` has said what
// was wrong. TestP1P2P3_Soak does all of it at random, for as long as SOAK says; `make soak` is half an hour.
//
// # Limits
//
// toxiproxy sits above TCP: no packet is lost or reordered, and a server that ends a connection is heard through its
// blackhole. A world needs Linux and either root or user namespaces; without, its tests say that nothing was tested, and
// fail where CI is "true". The S3 server's clock is always right.
package e2e
