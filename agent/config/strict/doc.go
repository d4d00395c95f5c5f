// Package strict decodes a TOML file into a struct and accepts nothing that the struct does not say.
//
// It is for files that people write by hand on machines that nobody watches: a key that is silently ignored,
// or a number read in another unit than was meant, is found weeks later in a shop. So:
//
//  1. Every mistake is reported at once, in the order of the lines, each with file, line, column, key, the
//     offending value and what would be right. Only broken TOML ends the search at its place.
//  2. An unknown key is a mistake, and the nearest known one is suggested. Keys are compared with their case.
//  3. A value has the type that the struct says. In particular no bare number becomes a Duration.
//  4. The caller's own rules are reported in the same form, through Document.Problem.
//  5. What sets a value beside the file, an Override, is held against the struct as strictly; its problems name it.
//  6. Rename reads an older form of a file, and problems are told as they are in the file itself. Values writes a
//     struct so that Decode reads the same one again.
//  7. Work and output are bounded: by MaxBytes, and by MaxProblems.
//
// The struct's exported fields carry `toml` tags and are texts, numbers, booleans, structs, maps with text
// keys, slices of these, or types that implement encoding.TextUnmarshaler and are written as texts. Embedded
// structs are not supported.
package strict
