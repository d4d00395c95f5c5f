// Package find answers "where is my picture?": it looks in the queue, among the receipts of what has left it, in the
// rejected folder and in the capture folder, and makes one trail of each picture that it finds there.
//
// It changes nothing and opens no picture, so it may be used beside a running agent. The queue is asked through a Desk: the
// running agent's, or that of a process that has the queue open itself. The folders are read by the process that asks; what it
// may not read is said in the Answer and fails nothing: half an answer is better than none.
//
// # What it can know
//
//   - A receipt does not tell from where the capture time came, and the time of a try is written down nowhere: only their
//     number and the last error are.
//   - A file that was not taken in yet is known by its name and its modification time, not by when its camera says that it
//     was taken, and not by the digest that its frame will have: that is of the frame's bytes, and made when it is taken in.
//   - A picture that was taken in again is found twice, where both of it are there.
package find
