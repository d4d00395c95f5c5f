package ticket

import (
	"maps"
	"net/url"
	"strings"
	"time"
)

// draft is a ticket in parts, for stories to spoil.
type draft struct {
	Ticket
	base   string  // scheme, host and path
	upload *Upload // nil: goodUpload
	params []string
}

func (d *draft) set(name, value string) {
	for i, p := range d.params {
		if strings.HasPrefix(p, name+"=") {
			d.params[i] = name + "=" + url.QueryEscape(value)
			return
		}
	}
	d.params = append(d.params, name+"="+url.QueryEscape(value))
}

func (d *draft) drop(name string) {
	kept := d.params[:0]
	for _, p := range d.params {
		if !strings.HasPrefix(p, name+"=") {
			kept = append(kept, p)
		}
	}
	d.params = kept
}

func (d *draft) sign(headers ...string) { d.set("X-Amz-SignedHeaders", strings.Join(headers, ";")) }

func (d *draft) ticket() Ticket {
	t := d.Ticket
	if t.URL == "" {
		t.URL = d.base + "?" + strings.Join(d.params, "&")
	}
	return t
}

var signedNames = []string{
	"content-length", "content-md5", "content-type", "host", "if-none-match", "x-amz-checksum-sha256",
	"x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
}

func goodDraft() *draft {
	headers := maps.Clone(goodPolicy().wanted(goodUpload()))
	d := &draft{
		Ticket: Ticket{
			Frame: frameID, Method: "PUT", Key: goodKey, Headers: headers,
			ExpiresAt: now.Add(9 * time.Minute),
		},
		base: "https://" + goodHost + "/" + goodKey,
	}
	d.set("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
	d.set("X-Amz-Credential", "AKIDEXAMPLE/20261122/eu-central-1/s3/aws4_request")
	d.set("X-Amz-Date", now.Add(-time.Minute).Format(signatureTime))
	d.set("X-Amz-Expires", "600")
	d.sign(signedNames...)
	d.set("X-Amz-Signature", strings.Repeat("ab", 32))
	d.set("x-id", "PutObject")
	return d
}

func goodCanary() *Upload {
	u := goodUpload()
	u.Frame, u.Camera, u.ContentType, u.Bytes = "canary", CanaryCamera, CanaryType, 90
	return &u
}

// asCanary asks for a canary; at is where the ticket leads.
func (d *draft) asCanary(at string) {
	d.upload = goodCanary()
	d.Frame, d.Key, d.base = d.upload.Frame, at, "https://"+goodHost+"/"+at
	d.Headers = maps.Clone(goodPolicy().wanted(*d.upload))
}

func without(names []string, drop string) []string {
	var kept []string
	for _, n := range names {
		if n != drop {
			kept = append(kept, n)
		}
	}
	return kept
}

var stories = []struct {
	story string
	fault Fault
	spoil func(*draft)
}{
	{"an honest ticket", "", func(*draft) {}},
	{"an honest ticket of a session credential", "", func(d *draft) { d.set("X-Amz-Security-Token", "tok+en/=") }},
	{"an honest ticket with signed object metadata", "", func(d *draft) {
		d.Headers["x-amz-meta-camera"] = "cam-3"
		d.sign(append(signedNames, "x-amz-meta-camera")...)
	}},
	{"an honest path-style ticket for a configured bucket and port", "", func(d *draft) {
		d.base = "https://" + pathStyle + "/frames/" + goodKey
	}},
	{"a clock three minutes behind the backend's", "", func(d *draft) {
		d.set("X-Amz-Date", now.Add(3*time.Minute).Format(signatureTime))
	}},

	{"an honest ticket for a canary", "", func(d *draft) { d.asCanary(canaryKey) }},
	{"a canary among the frames", FaultStore, func(d *draft) { d.asCanary(goodKey) }},
	{"a canary in another store's place", FaultStore, func(d *draft) { d.asCanary(strings.Replace(canaryKey, "store-7", "store-8", 1)) }},
	{"a canary without its digest", FaultDigest, func(d *draft) { d.asCanary("canary/store-7/left/now.png") }},
	{"a frame in the canaries' place", FaultStore, func(d *draft) { d.Key = canaryKey; d.base = "https://" + goodHost + "/" + d.Key }},

	{"another frame's ticket", FaultFrame, func(d *draft) { d.Frame = "cam-4/other" }},
	{"POST", FaultMethod, func(d *draft) { d.Method = "POST" }},
	{"DELETE", FaultMethod, func(d *draft) { d.Method = "DELETE" }},
	{"put in lower case", FaultMethod, func(d *draft) { d.Method = "put" }},
	{"no URL", FaultURL, func(d *draft) { d.URL = " " }},
	{"a URL with a line break", FaultURL, func(d *draft) { d.base += "\r\nx: y" }},
	{"a URL with a backslash", FaultURL, func(d *draft) { d.base = `https://evil.example\@` + goodHost + "/" + goodKey }},
	{"a URL of 10,000 bytes", FaultURL, func(d *draft) { d.base += strings.Repeat("a", 10_000) }},
	{"plain http", FaultScheme, func(d *draft) { d.base = "http://" + goodHost + "/" + goodKey }},
	{"no scheme", FaultScheme, func(d *draft) { d.base = "//" + goodHost + "/" + goodKey }},
	{"no host", FaultURL, func(d *draft) { d.base = "https:///" + goodKey }},
	{"a user name before another host", FaultUserinfo, func(d *draft) {
		d.base = "https://" + goodHost + "@evil.example/" + goodKey
	}},
	{"a user name before the right host", FaultUserinfo, func(d *draft) {
		d.base = "https://user:pw@" + goodHost + "/" + goodKey
	}},
	{"a fragment", FaultFragment, func(d *draft) { d.params = append(d.params, "x-id=PutObject#x") }},
	{"an empty fragment", FaultFragment, func(d *draft) { d.set("x-id", "PutObject"); d.params[len(d.params)-1] += "#" }},
	{"another host", FaultHost, func(d *draft) { d.base = "https://evil.example/" + goodKey }},
	{"our host as a subdomain of another", FaultHost, func(d *draft) { d.base = "https://" + goodHost + ".evil.example/" + goodKey }},
	{"another bucket at the same endpoint", FaultHost, func(d *draft) { d.base = "https://x" + goodHost + "/" + goodKey }},
	{"our host with a trailing dot", FaultHost, func(d *draft) { d.base = "https://" + goodHost + "./" + goodKey }},
	{"the metadata address", FaultHost, func(d *draft) { d.base = "https://169.254.169.254/" + goodKey }},
	{"another port", FaultPort, func(d *draft) { d.base = "https://" + goodHost + ":8443/" + goodKey }},
	{"an empty port", FaultPort, func(d *draft) { d.base = "https://" + goodHost + ":/" + goodKey }},
	{"another port on the development server", FaultHost, func(d *draft) { d.base = "https://127.0.0.1:9/frames/" + goodKey }},
	{"no key", FaultKey, func(d *draft) { d.Key = "" }},
	{"a key of 2,000 bytes", FaultKey, func(d *draft) { d.Key += strings.Repeat("a", 2000) }},
	{"a key with a space", FaultKey, func(d *draft) { d.Key += " " }},
	{"a dot segment in the key", FaultKey, func(d *draft) {
		d.Key = "raw/store-7/../store-8/" + digest
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a double slash in the key", FaultKey, func(d *draft) {
		d.Key = "raw/store-7//" + digest
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"another store's key", FaultStore, func(d *draft) {
		d.Key = strings.Replace(goodKey, "store-7", "store-8", 1)
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a store whose name begins with ours", FaultStore, func(d *draft) {
		d.Key = strings.Replace(goodKey, "store-7", "store-77", 1)
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a key outside raw/", FaultStore, func(d *draft) { d.Key = "x" + goodKey; d.base = "https://" + goodHost + "/" + d.Key }},
	{"a key without the digest", FaultDigest, func(d *draft) {
		d.Key = "raw/store-7/2026-11-22/cam-3.jpg"
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a key with another digest", FaultDigest, func(d *draft) {
		d.Key = strings.Replace(goodKey, "9f86", "0000", 1)
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a key with two digests", FaultDigest, func(d *draft) {
		d.Key = strings.Replace(goodKey, digest, digest+"-"+strings.Repeat("0", 64), 1)
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a key with two digests in one", FaultDigest, func(d *draft) {
		d.Key = strings.Replace(goodKey, digest, digest+strings.Repeat("0", 64), 1)
		d.base = "https://" + goodHost + "/" + d.Key
	}},
	{"a path that is not the key it names", FaultPath, func(d *draft) { d.base += ".bak" }},
	{"an escaped slash in the path", FaultPath, func(d *draft) {
		d.base = "https://" + goodHost + "/" + strings.Replace(goodKey, "/cam", "%2Fcam", 1)
	}},
	{"an escaped dot in the path", FaultPath, func(d *draft) {
		d.base = "https://" + goodHost + "/" + strings.Replace(goodKey, ".jpg", "%2ejpg", 1)
	}},
	{"a double slash in the path", FaultPath, func(d *draft) { d.base = "https://" + goodHost + "//" + goodKey }},
	{"a dot segment in the path", FaultPath, func(d *draft) { d.base = "https://" + goodHost + "/x/../" + goodKey }},
	{"another bucket on the path-style server", FaultPath, func(d *draft) {
		d.base = "https://" + pathStyle + "/thief/" + goodKey
	}},
	{"no bucket on the path-style server", FaultPath, func(d *draft) { d.base = "https://" + pathStyle + "/" + goodKey }},
	{"no query", FaultQuery, func(d *draft) { d.URL = d.base }},
	{"an unknown query parameter", FaultQuery, func(d *draft) { d.set("versionId", "1") }},
	{"a parameter in another case", FaultQuery, func(d *draft) { d.set("x-amz-expires", "600") }},
	{"an ACL in the query", FaultQuery, func(d *draft) { d.set("x-amz-acl", "public-read") }},
	{"a doubled query parameter", FaultQuery, func(d *draft) { d.params = append(d.params, "X-Amz-Expires=600") }},
	{"a badly escaped parameter", FaultQuery, func(d *draft) { d.drop("x-id"); d.params = append(d.params, "x-id=%zz") }},
	{"no signature", FaultQuery, func(d *draft) { d.drop("X-Amz-Signature") }},
	{"another algorithm", FaultSignature, func(d *draft) { d.set("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256") }},
	{"another operation", FaultSignature, func(d *draft) { d.set("x-id", "PutObjectAcl") }},
	{"a life of 0 seconds", FaultExpiry, func(d *draft) { d.set("X-Amz-Expires", "0") }},
	{"a life of 901 seconds", FaultExpiry, func(d *draft) { d.set("X-Amz-Expires", "901") }},
	{"a negative life", FaultExpiry, func(d *draft) { d.set("X-Amz-Expires", "-600") }},
	{"a life that overflows", FaultExpiry, func(d *draft) { d.set("X-Amz-Expires", "18446744073709551615") }},
	{"a life in words", FaultExpiry, func(d *draft) { d.set("X-Amz-Expires", "ten minutes") }},
	{"a date that is none", FaultExpiry, func(d *draft) { d.set("X-Amz-Date", "yesterday") }},
	{"no expires_at", FaultExpiry, func(d *draft) { d.ExpiresAt = time.Time{} }},
	{"an expires_at later than signed", FaultExpiry, func(d *draft) { d.ExpiresAt = now.Add(14 * time.Minute) }},
	{"signed for next hour", FaultFutureDated, func(d *draft) {
		d.set("X-Amz-Date", now.Add(time.Hour).Format(signatureTime))
	}},
	{"over since an hour", FaultExpired, func(d *draft) { d.set("X-Amz-Date", now.Add(-time.Hour).Format(signatureTime)) }},
	{"an expires_at that is over", FaultExpired, func(d *draft) { d.ExpiresAt = now.Add(-time.Second) }},
	{"host is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "host")...) }},
	{"length is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "content-length")...) }},
	{"type is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "content-type")...) }},
	{"MD5 is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "content-md5")...) }},
	{"SHA-256 is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "x-amz-checksum-sha256")...) }},
	{"encryption is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "x-amz-server-side-encryption")...) }},
	{"the key ARN is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, headerKMSKey)...) }},
	{"if-none-match is not signed", FaultNotSigned, func(d *draft) { d.sign(without(signedNames, "if-none-match")...) }},
	{"a header is signed twice", FaultQuery, func(d *draft) { d.sign(append(signedNames, "host")...) }},
	{"a signed header without a value", FaultHeaderAbsent, func(d *draft) { d.sign(append(signedNames, "x-amz-acl")...) }},
	{"a wanted header without a value", FaultHeaderAbsent, func(d *draft) { delete(d.Headers, "if-none-match") }},
	{"another length", FaultHeaderValue, func(d *draft) { d.Headers["content-length"] = "1" }},
	{"another type", FaultHeaderValue, func(d *draft) { d.Headers["content-type"] = "text/html" }},
	{"another MD5", FaultHeaderValue, func(d *draft) { d.Headers["content-md5"] = "1B2M2Y8AsgTpgAmY7PhCfg==" }},
	{"another SHA-256", FaultHeaderValue, func(d *draft) {
		d.Headers["x-amz-checksum-sha256"] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	}},
	{"encryption by S3's own key", FaultHeaderValue, func(d *draft) { d.Headers["x-amz-server-side-encryption"] = "AES256" }},
	{"another account's key", FaultHeaderValue, func(d *draft) { d.Headers[headerKMSKey] = otherARN }},
	{"if-none-match for one version only", FaultHeaderValue, func(d *draft) { d.Headers["if-none-match"] = `"etag"` }},
	{"a public ACL is asked for, signed", FaultUnexpected, func(d *draft) {
		d.Headers["x-amz-acl"] = "public-read"
		d.sign(append(signedNames, "x-amz-acl")...)
	}},
	{"a redirect is asked for, signed", FaultUnexpected, func(d *draft) {
		d.Headers["x-amz-website-redirect-location"] = "https://evil.example/"
		d.sign(append(signedNames, "x-amz-website-redirect-location")...)
	}},
	{"the device's own secret is asked for", FaultUnexpected, func(d *draft) { d.Headers["authorization"] = "x" }},
	{"metadata that is not signed", FaultNotSigned, func(d *draft) { d.Headers["x-amz-meta-camera"] = "cam-3" }},
	{"metadata with a line break", FaultHeaderValue, func(d *draft) {
		d.Headers["x-amz-meta-camera"] = "a\r\nx: y"
		d.sign(append(signedNames, "x-amz-meta-camera")...)
	}},
	{"more metadata than S3 takes", FaultUnexpected, func(d *draft) {
		d.Headers["x-amz-meta-camera"] = strings.Repeat("a", 3000)
		d.sign(append(signedNames, "x-amz-meta-camera")...)
	}},
}
