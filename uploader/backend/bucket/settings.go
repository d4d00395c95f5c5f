package bucket

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	doEncrypt   = "Set the bucket's default encryption to SSE-KMS with s3.kms_key_arn, for whatever is not written by a ticket."
	doBucketKey = "Switch the bucket key on: without it every frame costs a request to KMS, in money and in its rate limit."
	doLock      = "Enable Object Lock with a default retention."
	doBlock     = "Switch on all four settings of Block Public Access on the bucket."
	doVersion   = "Enable versioning: Object Lock needs it, and a deleted frame can be had back."
	doOwn       = "Set the bucket's Object Ownership to BucketOwnerEnforced."
	doTLS       = "Add the statement that denies s3:* to everybody where aws:SecureTransport is false."
)

func (b *Bucket) defaultEncryption(ctx context.Context) (types.ServerSideEncryptionRule, error) {
	got, err := b.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String(b.name)})
	if err != nil || got.ServerSideEncryptionConfiguration == nil || len(got.ServerSideEncryptionConfiguration.Rules) == 0 {
		return types.ServerSideEncryptionRule{}, err
	}
	return got.ServerSideEncryptionConfiguration.Rules[0], nil // S3 keeps one
}

func encryption(ctx context.Context, b *Bucket) (Finding, error) {
	rule, err := b.defaultEncryption(ctx)
	if err != nil {
		return Finding{}, err
	}
	by := rule.ApplyServerSideEncryptionByDefault
	if by == nil || by.SSEAlgorithm != types.ServerSideEncryptionAwsKms && by.SSEAlgorithm != types.ServerSideEncryptionAwsKmsDsse {
		return bad("the default encryption is not SSE-KMS", doEncrypt), nil
	}
	switch key := aws.ToString(by.KMSMasterKeyID); {
	case key == b.keyARN || "key/"+key == keyPart(b.keyARN):
		return ok("%s with %s", by.SSEAlgorithm, b.keyARN), nil
	case key == "":
		return bad("the default encryption uses the AWS-managed key, not a key of yours", doEncrypt), nil
	case strings.Contains(key, "alias/"):
		return warn("the default encryption names the alias "+key+"; which key that is cannot be seen here", "Name the key by its full ARN."), nil
	default:
		return bad(fmt.Sprintf("the default encryption uses %s, not %s", key, b.keyARN), doEncrypt), nil
	}
}

// keyPart is key/<id> of an ARN.
func keyPart(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

func bucketKey(ctx context.Context, b *Bucket) (Finding, error) {
	rule, err := b.defaultEncryption(ctx)
	switch {
	case err != nil:
		return Finding{}, err
	case !aws.ToBool(rule.BucketKeyEnabled):
		return warn("the bucket key is off", doBucketKey), nil
	}
	return ok("the bucket key is on"), nil
}

func objectLock(ctx context.Context, b *Bucket) (Finding, error) {
	got, err := b.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: aws.String(b.name)})
	if err != nil {
		return Finding{}, err
	}
	lock := got.ObjectLockConfiguration
	switch {
	case lock == nil || lock.ObjectLockEnabled != types.ObjectLockEnabledEnabled:
		return bad("Object Lock is off: frames can be deleted for good", doLock), nil
	case lock.Rule == nil || lock.Rule.DefaultRetention == nil:
		return warn("Object Lock is on, but nothing is retained by default", "Set a default retention."), nil
	}
	span := fmt.Sprintf("%d days", aws.ToInt32(lock.Rule.DefaultRetention.Days))
	if years := aws.ToInt32(lock.Rule.DefaultRetention.Years); years > 0 {
		span = fmt.Sprintf("%d years", years)
	}
	return ok("on, %s for %s", lock.Rule.DefaultRetention.Mode, span), nil
}

func publicAccess(ctx context.Context, b *Bucket) (Finding, error) {
	got, err := b.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: aws.String(b.name)})
	if err != nil {
		return Finding{}, err
	}
	block := got.PublicAccessBlockConfiguration
	if block == nil {
		block = &types.PublicAccessBlockConfiguration{}
	}
	var off []string
	for _, setting := range []struct {
		name string
		on   *bool
	}{
		{"BlockPublicAcls", block.BlockPublicAcls}, {"IgnorePublicAcls", block.IgnorePublicAcls},
		{"BlockPublicPolicy", block.BlockPublicPolicy}, {"RestrictPublicBuckets", block.RestrictPublicBuckets},
	} {
		if !aws.ToBool(setting.on) {
			off = append(off, setting.name)
		}
	}
	if len(off) > 0 {
		return bad("off: "+strings.Join(off, ", "), doBlock), nil
	}
	return ok("all four settings block it"), nil
}

func versioning(ctx context.Context, b *Bucket) (Finding, error) {
	got, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: aws.String(b.name)})
	switch {
	case err != nil:
		return Finding{}, err
	case got.Status == types.BucketVersioningStatusSuspended:
		return bad("versioning is suspended", doVersion), nil
	case got.Status != types.BucketVersioningStatusEnabled:
		return bad("versioning is off", doVersion), nil
	}
	return ok("on"), nil
}

func ownership(ctx context.Context, b *Bucket) (Finding, error) {
	got, err := b.client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: aws.String(b.name)})
	if err != nil {
		return Finding{}, err
	}
	if got.OwnershipControls != nil && len(got.OwnershipControls.Rules) == 1 {
		if rule := got.OwnershipControls.Rules[0].ObjectOwnership; rule == types.ObjectOwnershipBucketOwnerEnforced {
			return ok("%s: no access control lists", rule), nil
		}
	}
	return bad("access control lists are in force: an uploader may own its objects", doOwn), nil
}
