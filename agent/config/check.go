package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader/ticket"
)

// checker collects what is wrong with values that have the right type.
type checker struct{ document *strict.Document }

func (c *checker) wrong(key, format string, args ...any) { c.document.Problem(key, format, args...) }

func (c *checker) check(config *Config) {
	if config.Schema < 1 || config.Schema > SchemaVersion {
		c.wrong("schema", "%d is not a version from 1 to %d, which this program reads; was the file written for a newer one?", config.Schema, SchemaVersion)
	}
	c.absolute("state_dir", config.StateDir)
	c.capture(config.Capture)
	c.apart(config)
	c.frame(config.Frame)
	c.cameras(config.Camera)
	c.silence(config)
	c.queue(config.Queue)
	c.backend(config.Backend, config.Development)
	c.upload(config.Upload, config.Development.AllowLoopback)
	c.network(config.Network)
	c.status(config.Status)
	c.oneOf("log.level", config.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", config.Log.Format, "auto", "json", "text")
}

func (c *checker) absolute(key, path string) {
	switch {
	case path == "":
		c.wrong(key, "is needed: an absolute path")
	case !filepath.IsAbs(path):
		c.wrong(key, "%q is not an absolute path", path)
	}
}

func (c *checker) absoluteIfSet(key, path string) {
	if path != "" {
		c.absolute(key, path)
	}
}

// secretFile checks the name of a file that holds a secret. Some put the secret itself there: it is not shown.
func (c *checker) secretFile(key, path string) {
	if path != "" && !filepath.IsAbs(path) {
		c.wrong(key, "what is written here is not an absolute path; write the name of the file, not what it holds")
	}
}

// apart keeps what the agent writes out of the folder that it empties.
func (c *checker) apart(config *Config) {
	for _, place := range []struct{ key, path string }{
		{"state_dir", config.StateDir}, {"queue.dir", config.QueueDir()}, {"capture.rejected_dir", config.RejectedDir()},
	} {
		if within(place.path, config.Capture.Dir) {
			c.wrong(place.key, "%q is inside capture.dir: what the agent writes there would be captured", place.path)
			return
		}
		if within(config.Capture.Dir, place.path) {
			c.wrong("capture.dir", "%q is inside %s (%q), which belongs to the agent", config.Capture.Dir, place.key, place.path)
			return
		}
	}
}

func (c *checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.wrong(key, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

func (c *checker) between(key string, value, least, most int64) {
	if value < least || value > most {
		c.wrong(key, "%d is not between %d and %d", value, least, most)
	}
}

func (c *checker) spans(key string, value strict.Duration, least, most time.Duration) {
	if time.Duration(value) < least || time.Duration(value) > most {
		c.wrong(key, "%s is not between %s and %s", time.Duration(value), least, most)
	}
}

func (c *checker) capture(v Capture) {
	c.absolute("capture.dir", v.Dir)
	c.absoluteIfSet("capture.rejected_dir", v.Rejected)
	c.spans("capture.rescan", v.Rescan, time.Second, time.Hour)
	c.spans("capture.settle", v.Settle, 100*time.Millisecond, 5*time.Minute)
	c.spans("capture.give_up", v.GiveUp, time.Duration(v.Settle), 24*time.Hour)
	for folder, camera := range v.Folders {
		if !ticket.ValidID(camera) {
			c.wrong("capture.folders."+folder, "%q is not a camera id: small letters, digits and . _ -, at most 63, "+
				"beginning with a letter or digit", camera)
		}
	}
}

func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && dir != "" && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func (c *checker) queue(v Queue) {
	c.absoluteIfSet("queue.dir", v.Dir)
	c.oneOf("queue.order", v.Order, "fresh-first", "oldest-first")
}

func (c *checker) backend(v Backend, development Development) {
	c.absoluteIfSet("backend.certificate", v.Certificate)
	c.secretFile("backend.key", v.Key)
	c.secretFile("backend.token_file", v.TokenFile)
	if v.TokenFile != "" && !development.AllowLabToken {
		c.wrong("backend.token_file", "a token is for laboratories only, and needs development.allow_lab_token; in a shop the rig is known by its certificate")
	}
	c.absoluteIfSet("backend.ca", v.CA)
	if v.URL == "" {
		c.wrong("backend.url", "is needed: where tickets come from, as in \"https://tickets.example.com\"")
		return
	}
	u, err := url.Parse(v.URL)
	switch {
	case strings.Contains(v.URL, "@"): // and is not shown
		c.wrong("backend.url", "a user name or password in the URL is not used; the rig is known by its certificate")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		c.wrong("backend.url", "%q is not a plain URL; write it as in \"https://tickets.example.com\"", v.URL)
	case u.Scheme != "https":
		c.wrong("backend.url", "%q must begin with https://", v.URL)
	}
}

func (c *checker) upload(v Upload, development bool) {
	if len(v.Hosts) == 0 {
		c.wrong("upload.hosts", "is needed: the host names of the bucket, as in "+
			"[\"frames.bucket.vpce-0a1b2c3d-4e5f.s3.eu-central-1.vpce.amazonaws.com\"]")
	}
	for _, host := range v.Hosts {
		if _, err := parseDestination(host, development); err != nil {
			c.wrong("upload.hosts", "%v", err)
		}
	}
	c.absoluteIfSet("upload.ca", v.CA)
	if v.KMSKeyARN != "" && !kmsKeyARN.MatchString(v.KMSKeyARN) {
		c.wrong("upload.kms_key_arn", "%q is not the full ARN of a KMS key, as in "+
			"\"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-…\"", v.KMSKeyARN)
	}
	c.between("upload.concurrency", int64(v.Concurrency), 1, ticket.MaxUploads)
	c.between("upload.max_attempts", int64(v.MaxAttempts), 1, 1000)
	c.spans("upload.stall", v.Stall, 10*time.Second, time.Hour)
	c.spans("upload.start_spread", v.StartSpread, 0, 10*time.Minute)
	if v.Rate != 0 && v.Rate < leastRate {
		c.wrong("upload.rate", "%d bytes a second would take an hour for one frame; at least \"1 KiB\", or 0 for no limit", v.Rate)
	}
	c.timezone("upload.timezone", v.Timezone)
	c.windows(v)
}

var (
	kmsKeyARN = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
	hostName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	bucket    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	// sharedEndpoint is an S3 name that serves every bucket of a region or of an interface endpoint.
	sharedEndpoint = regexp.MustCompile(`^(bucket\.vpce-[^.]+\.)?s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?$`)
)

// parseDestination reads an entry of upload.hosts: "host", or "host/bucket" where the bucket is in the path.
func parseDestination(entry string, development bool) (ticket.Destination, error) {
	host, bucketName, pathStyle := strings.Cut(entry, "/")
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if !development {
			return ticket.Destination{}, fmt.Errorf("%q names the port %s; S3 is reached at 443, other ports need "+
				"development.allow_loopback", entry, port)
		}
		name = h
	}
	switch {
	case !hostName.MatchString(name):
		return ticket.Destination{}, fmt.Errorf("%q is not a host name in small letters, without https://", entry)
	case pathStyle && !bucket.MatchString(bucketName):
		return ticket.Destination{}, fmt.Errorf("%q: %q is not a bucket name without dots", entry, bucketName)
	case !pathStyle && sharedEndpoint.MatchString(name):
		return ticket.Destination{}, fmt.Errorf("%q serves everybody's buckets; write \"<bucket>.%s\" or \"%s/<bucket>\"", entry, name, name)
	}
	return ticket.Destination{Host: host, Bucket: bucketName}, nil
}

func (c *checker) network(v Network) {
	if v.PrivateOnly && len(v.PrivateRanges) == 0 {
		c.wrong("network.private_ranges", "is empty, so with private_only nothing could be uploaded")
	}
	for _, r := range v.PrivateRanges {
		if _, err := netip.ParsePrefix(r); err != nil {
			c.wrong("network.private_ranges", "%q is not a network; write it as in \"10.0.0.0/8\"", r)
		}
	}
}

func (c *checker) status(v Status) {
	c.absolute("status.socket", v.Socket)
	c.oneOf("status.pictures", v.Pictures, picturesLoopback, picturesAlways, picturesNever)
	if v.Listen == "" {
		return // no page
	}
	if _, err := netip.ParseAddrPort(v.Listen); err != nil {
		c.wrong("status.listen", "%q is not an address and port; write it as in \"127.0.0.1:8470\", or \"\" for no page", v.Listen)
	}
}
