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
//  3. Load reads the file, and the environment that it is given, and nothing else: no network, no other file.
//  4. The environment goes before the file, and the file before the defaults. A variable sets one key, and is checked
//     like the file; one that sets none is a mistake. Values says what has set each value.
//  5. A file of an older schema is read as it is, and a note says what has another name now. Nothing but a person
//     changes the file.
//  6. Nothing that is said of the configuration holds a secret: see Values.
//
// The package translates the file into the Options of each stage, so that no stage knows of the file.
package config
