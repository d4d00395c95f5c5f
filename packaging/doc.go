// Package packaging is the way of the programs to the machines that they run on: what a release consists of,
// and the cloud side that it needs. It holds no code that runs on a rig.
//
//	release      makes dist/: packages, archives, bills of materials, checksums (make release)
//	nfpm.yaml    what is in the deb and the rpm, and where
//	deb, rpm     what they do when they come and go
//	systemdtest  lets the deb live on a real Debian 12 (make test-systemd)
//	container    the backend as a container image (make image)
//	monitoring   alert rules and a dashboard for whoever collects the metrics
//	terraform    the cloud side as code, with its runbook (make test-terraform)
//
// # What was chosen
//
//   - Installing starts and enables nothing: a rig has to be told where frames go and whose they are. The package says
//     the next commands.
//   - An upgrade restarts an agent that runs after its files are there, and only that. Until then the old one works.
//   - Removing stops the agent and forgets that it was enabled; all that it has stays. Purging deletes its identity and
//     configuration. Pictures that were never delivered are in no other place: purging asks for those by debconf, with
//     "keep" as the answer of whoever is not there. It does not fail, for a package that cannot be purged helps nobody.
//   - The user and the groups stay after a purge, as Debian's do: files may be left that belong to them.
//   - /srv/cameras is made where it is missing, so that the shipped configuration fits a rig that has nothing yet; one
//     that is there is left as it is. No file of the package lies in it, and no removal touches it.
//   - The configuration is a conffile. Every rig edits it, so dpkg would ask at most upgrades; the README has the line
//     for those that nobody watches.
package packaging
