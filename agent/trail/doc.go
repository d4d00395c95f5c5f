// Package trail is the answer to "where is my picture?": for each picture that was looked for one trail, from when it was
// seen to where it is proven, or to where it stands now and why.
//
// The types are a document of the API: their JSON names are stable, new ones may be added. Times in it are UTC; people
// type and read the time of their shop. The package knows neither queue nor folders: who makes an Answer is agent/find, and
// command line and page show the same one.
//
// # What a Query does
//
// It names a time, a file or a digest, and may name a camera; what it names must all be true of a picture. A time is meant
// as precise as people remember it: everything within ten minutes of it, unless the query says otherwise. A time
// without a day is the last one that has been, a day without a time the whole day. When clocks are set back, a time
// that was there twice means both.
package trail
