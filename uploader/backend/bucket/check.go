package bucket

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Outcome of a check. The zero value is invalid.
type Outcome string

// Outcomes.
const (
	OK     Outcome = "ok"
	Warn   Outcome = "warn"
	Fail   Outcome = "fail"
	Unseen Outcome = "unseen" // it could not be looked at, which says nothing either way
)

// Finding is what one check saw.
type Finding struct {
	Check   string  `json:"check"`
	Outcome Outcome `json:"outcome"`
	// Saw is what was found, Do what to do about it; Do is empty when all is well.
	Saw string `json:"saw"`
	Do  string `json:"do,omitempty"`
}

func ok(saw string, args ...any) Finding { return Finding{Outcome: OK, Saw: fmt.Sprintf(saw, args...)} }

func warn(saw, do string) Finding { return Finding{Outcome: Warn, Saw: saw, Do: do} }
func bad(saw, do string) Finding  { return Finding{Outcome: Fail, Saw: saw, Do: do} }

// check looks at one setting. absent is S3's code for "nobody has set it"; zero says what that means.
type check struct {
	name       string
	permission string
	look       func(context.Context, *Bucket) (Finding, error)
	absent     string
	zero       Finding
}

// checks are in the order in which they are reported.
var checks = []check{
	{name: "encryption", permission: "s3:GetEncryptionConfiguration", look: encryption,
		absent: "ServerSideEncryptionConfigurationNotFoundError",
		zero:   bad("the bucket has no default encryption of its own", doEncrypt)},
	{name: "bucket_key", permission: "s3:GetEncryptionConfiguration", look: bucketKey,
		absent: "ServerSideEncryptionConfigurationNotFoundError",
		zero:   warn("the bucket has no default encryption of its own, so no bucket key either", doBucketKey)},
	{name: "object_lock", permission: "s3:GetBucketObjectLockConfiguration", look: objectLock,
		absent: "ObjectLockConfigurationNotFoundError", zero: bad("Object Lock is off: frames can be deleted for good", doLock)},
	{name: "public_access", permission: "s3:GetBucketPublicAccessBlock", look: publicAccess,
		absent: "NoSuchPublicAccessBlockConfiguration",
		zero:   bad("the bucket blocks no public access by itself (the account may; that cannot be seen here)", doBlock)},
	{name: "versioning", permission: "s3:GetBucketVersioning", look: versioning},
	{name: "ownership", permission: "s3:GetBucketOwnershipControls", look: ownership,
		absent: "OwnershipControlsNotFoundError", zero: bad("access control lists are in force: an uploader may own its objects", doOwn)},
	{name: "tls_only", permission: "s3:GetBucketPolicy", look: tlsOnly,
		absent: "NoSuchBucketPolicy", zero: bad("there is no bucket policy, so that nothing refuses plain HTTP", doTLS)},
}

// Check looks at every setting and tells each finding as it comes. When the bucket is not there, it tells that alone.
func (b *Bucket) Check(ctx context.Context, tell func(Finding)) {
	found := b.exists(ctx)
	tell(found)
	if found.Outcome == Fail {
		return
	}
	for _, c := range checks {
		finding, err := c.look(ctx, b)
		if err != nil {
			finding = c.explain(err)
		}
		finding.Check = c.name
		tell(finding)
	}
}

func (c check) explain(err error) Finding {
	switch code := errorCode(err); {
	case code == c.absent && code != "":
		return c.zero
	case status(err) == http.StatusForbidden:
		return Finding{Outcome: Unseen, Saw: "these credentials may not see it (" + code + ")", Do: "Allow them " + c.permission + "."}
	case code == "NotImplemented" || status(err) == http.StatusNotImplemented || code == "MethodNotAllowed":
		return Finding{Outcome: Unseen, Saw: "this S3 server does not know the setting", Do: "Check it by the server's own means."}
	}
	return Finding{Outcome: Unseen, Saw: fmt.Sprintf("S3 cannot be asked: %v", err), Do: "Check s3.endpoint, s3.region and the network, and try again."}
}

func (b *Bucket) exists(ctx context.Context) Finding {
	head, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(b.name)})
	found := ok("%s is there", b.name)
	switch {
	case err != nil && status(err) == http.StatusNotFound:
		found = bad("there is no bucket "+b.name, "Check s3.bucket and s3.region.")
	case err != nil && status(err) == http.StatusMovedPermanently:
		found = bad(b.name+" is in another region than "+b.region, "Set s3.region to the bucket's region: tickets are signed for it.")
	case err != nil:
		// A HEAD has no body, and so no code that would say more than the status.
		found = check{permission: "s3:ListBucket"}.explain(err)
	case head.BucketRegion != nil && *head.BucketRegion != b.region:
		found = bad(b.name+" is in "+*head.BucketRegion+", not in "+b.region, "Set s3.region to the bucket's region: tickets are signed for it.")
	}
	found.Check = "bucket"
	return found
}
