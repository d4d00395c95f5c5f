// Package config is the agent's configuration file: its form, its defaults, and what is wrong with it.
//
// The file is TOML. reference.toml in this package is the reference: every key with its default, in prose.
// A test decodes it and holds it against the defaults here.
//
// # Promises
//
//  1. A file that Load accepts can be run: every value was checked, alone and against the others.
//  2. Every mistake is reported at once, each with file, line, column, the value and what would be right. An
//     unknown key is a mistake, and the nearest known one is suggested. The package strict does that part.
//  3. Load reads the file and nothing else: no network, no other file, no environment.
//
// The package translates the file into the Options of each stage, so that no stage knows of the file.
package config
