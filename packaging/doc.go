// Package packaging is the way of the programs to the machines that they run on: what a release consists of,
// and the cloud side that it needs. It holds no code that runs on a rig.
package packaging
