// Package frame turns the bytes of a camera file into a frame that may leave the shop: a picture that is
// proven to decode, and that carries nothing but its pixels, its colours and which way up it is.
//
// It is pure: bytes in, bytes out. No file, no network, no queue, no clock, and no goroutine that outlives a
// call.
//
// # Promises
//
//  1. Valid. A frame is returned only when every pixel of Frame.Bytes, the bytes that are uploaded and not
//     those that came in, has been read. The content decides the format, never a file name.
//  2. Private. Only what is on an allow-list is copied: pixel data, what is needed to decode it, its colour
//     profile and colour hints, its resolution, and the orientation. Everything else goes, known or not: EXIF
//     with GPS, maker notes and thumbnails, XMP, IPTC, comments, text, times, further pictures, and bytes after
//     the end of the picture. Frame.Stripped says what went.
//  3. Lossless. Pixel data is copied as it is, in every format; nothing is ever decoded and encoded again, unless
//     Options demand other pixels (see Other pixels).
//  4. Never turned. An orientation of 2 to 8 is kept, in the smallest EXIF block (or TIFF field) that says it; or, where
//     pixels are coded anew, it is applied to them and not kept.
//  5. Repeatable. The same raw bytes, Source and Options give the same Frame, in every release: no compressor
//     or encoder of the standard library takes part, whose output may change with the toolchain. New on
//     Frame.Bytes, with Options that demand no other pixels, gives the same bytes again.
//  6. Bounded. Bytes, pixels and working memory are checked against Options from the header, before anything
//     is allocated by what the header claims.
//  7. Contained. Whatever is wrong with the bytes, the answer is a *Rejection with a Code: a panic in a decoder
//     is a Rejection as well (CodeCorrupt).
//  8. Masked or not at all. With Options.Masks there is no Frame but one whose masks are filled; what they hide is in no
//     part of it, Luma included. A frame of another shape than a mask was drawn for is a Rejection
//     (CodeMaskMismatch), and so is one with a mask that is none.
//
// # Other pixels
//
// Options.Masks, LongestEdge, Quality and Output change pixels. Then, in this order: the masks are checked, the
// picture is decoded, turned upright, masked, made smaller, encoded, and what was encoded is read like any other file.
// Each pixel of a picture that was made smaller is a mean of all those that became it, the nearest counting most.
// Corners of masks are parts of the upright picture. A mask covers every pixel that its polygon touches and one more; the
// picture is black there, up to what a JPEG encoder makes of the edge out of the pixels beside it. The colour
// profile is kept where it still describes the colours: not that of a CMYK picture. Samples of 16 bits become
// 8, transparent parts black, and resolution and the colour hints of PNG (gAMA, cHRM, sRGB and their like) go. JPEG is
// written with 4:2:0, WebP as JPEG.
//
// Of these frames, promise 5 holds for one toolchain only: an encoder of the next may write other bytes. The identity of a
// frame is made of its bytes, so a file that was queued before an update of the agent and is found again after it,
// because a crash came before its removal, is then a second object beside the first. The same is true of a change
// of the Options. Both are whole, masked and marked with the same capture time; nothing is lost or overwritten, and it
// takes an update and a crash within one file. A test holds the bytes, so that a toolchain that writes others is noticed.
//
// # Judgements
//
// Judge measures brightness and sharpness on Frame.Luma, and Sameness tells whether a camera sends one picture again and
// again. They reject nothing.
//
// # What is read of a JPEG
//
// The other formats are decoded. For a JPEG, most of that would be arithmetic that cannot fail: inverse transforms and
// colours. What can fail, because the file was cut or a bit fell over, is the entropy-coded data, and of that every
// bit is read: all codes of all blocks in all scans, restarts, and what each of them means for the next. It takes
// about a tenth of the time of image/jpeg, and a third for a progressive picture.
//
// The scan takes what image/jpeg takes and refuses what image/jpeg refuses, so that a frame can be decoded in Go. Both
// take damage that leaves valid codes: JPEG has no checksum. Together with the walk over the segments that comes first,
// New is stricter than image/jpeg on these points:
//
//   - each component has its first scan;
//   - there are at most 100 scans, and at most 16384 parts with metadata in between;
//   - a Huffman table has no more codes than there can be;
//   - the picture has pixels.
//
// As image/jpeg, it does not know arithmetic coding, 12 bits, lossless or hierarchical pictures, rare sampling factors,
// and restarts in scans of one component that is sampled more than once: CodeUnsupported, the last CodeCorrupt.
//
// Frame.Luma comes from the same pass, at no cost: a DC coefficient is the mean of its block.
//
// # Memory
//
// One call holds the raw bytes (the caller's), one copy of about the same size (Frame.Bytes), and what reading the
// pixels takes, which is let go before New returns, Frame.Luma apart. The last is estimated from the header, as an
// upper bound, and limited by Options.MaxMemory. Per pixel it is:
//
//	JPEG, sequential    1/64 byte
//	JPEG, progressive   0.27 bytes at 4:2:0, 0.45 at 4:4:4, 0.2 grey, 0.6 CMYK
//	JPEG, both          and up to 80 KiB of tables, whatever the size
//	PNG                 1 grey or palette, 4 colour; twice that with 16 bits, and twice again interlaced
//	BMP                 1 palette, 4 otherwise
//	TIFF                1 to 8, and up to 3 times one stored strip or tile
//	WebP                2 lossy, 14 lossless or with alpha
//
// So at the default of 128 MiB every JPEG passes that Options.MaxPixels lets pass by default, but a colour PNG or BMP
// only up to 33 megapixels, and a lossless WebP up to 9. On a small box run one call at a time for what is no JPEG, or
// whose pixels are changed.
//
// Where pixels are changed, it is instead:
//
//	JPEG, sequential    6.5 bytes at 4:2:0, 8 at 4:4:4, 6 grey; 17 CMYK
//	JPEG, progressive   12.5 at 4:2:0, 20 at 4:4:4, 10 grey; 33 CMYK
//	other formats       16, or 4 more than above if that is more
//
// which at the default is 20 megapixels of the usual JPEG, 10 of a progressive one, and 8 of a PNG.
//
// # Capture time
//
// DateTimeOriginal with its offset, else DateTimeOriginal as a local time in Source.Location; where the camera
// has not written it, DateTimeDigitized and then DateTime in its place; else Source.ModTime. A time before
// 1990, or more than a day after the modification time, comes from a camera whose clock is not set, and is
// passed over. The second rule is not applied when the modification time is itself zero or before 1990: then
// the clock of this box is the one that is wrong. Fractions are cut to milliseconds. A modification time before 1970
// becomes the first instant of 1970, and one after 2199 the last of 2199: backends take no others.
//
// # Assumptions
//
// The decoders of the standard library and of golang.org/x/image reject what they cannot decode. The rules of
// image/jpeg are those of Go 1.26; a fuzz target compares.
//
// # What it does not do
//
//   - It does not look for data that is hidden inside the pixel data: behind the last block of a JPEG scan, after
//     the end of a compressed stream, in the padding of a BMP row, or in the pixels themselves.
//   - It keeps a valid ICC profile as a whole, and a profile may name the device that it was made for.
//   - Only EXIF decides the orientation; an XMP orientation is dropped with the XMP.
//   - It keeps the first picture: further frames of an animated PNG and further pages of a TIFF are dropped. An
//     animated WebP has no first picture that stands alone, and is refused.
//   - It takes a progressive JPEG whose last refinements are missing: T.81 does not demand them.
//   - It finds no faces: a mask is where a person has drawn it. What moves out from behind one is seen.
//   - It does not tell weak blur from none, nor a frozen camera from a scene in which nothing at all changes.
package frame
