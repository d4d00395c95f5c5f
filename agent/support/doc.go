// Package support gathers what helps somebody far away to understand a rig, in one archive that may be sent: no pictures,
// no payloads, and no secret.
//
// # Promises
//
//  1. It needs no network and no running agent, and a configuration that cannot be read does not stop it. What could not
//     be had is said in its place.
//  2. Every text goes through one Redactor before it is written. That knows the secrets that lie on this machine (the
//     device key, the lab token, values of environment variables with telling names) by their value, and others by their
//     form: private keys, URLs' queries, users and passwords, JWTs, signatures, authorizations, AWS key ids, enrolment
//     codes, and whatever stands behind a name such as password.
//  3. Comments of the configuration are left out, and so is its content while it has mistakes: anything may stand there.
//     Of the environment there are names alone.
//  4. README.txt in the archive says what is in it, why, and what was taken out; the command prints the same. Whoever has
//     to agree to its being sent can read all of it: plain texts, in a tar.
//  5. It changes nothing on the rig but for the archive itself, which only its owner can read, and writes over nothing.
//  6. It is bounded: each text has at most 4 MiB, the agent's own document 8, and each program that is asked ten seconds,
//     as have the disks of the rig for each part: one that hangs is told of in its place.
//
// # Limits
//
// A secret whose disk does not answer is known by its form alone. One of another kind, written where nobody expects one, and
// under an innocent name, is not known for one. Names of cameras, files, folders and hosts, and addresses of this machine's
// networks, are in it: they are what it is about.
//
// The history of conditions is what the system's journal still has of it; the agent keeps none.
package support
