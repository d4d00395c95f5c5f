package bucket

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"shelfagent/uploader/backend/mototest"
	"shelfagent/uploader/backend/s3test"
)

const goodPolicy = `{"Version": "2012-10-17", "Statement": [
	{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::frames/*",
	 "Condition": {"NumericLessThan": {"s3:signatureAge": 900000}}},
	{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::frames", "arn:aws:s3:::frames/*"],
	 "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`

// motoBucket is a bucket as it must be.
func motoBucket(t *testing.T) *Bucket {
	t.Helper()
	b := open(t, at(mototest.Start(t)), nil)
	name, ctx := &b.name, t.Context()
	steps := []func() error{
		func() error {
			_, err := b.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name, ObjectLockEnabledForBucket: aws.Bool(true)})
			return err
		},
		func() error { return b.encryptBy(ctx, types.ServerSideEncryptionAwsKms, testKey, true) },
		func() error {
			_, err := b.client.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: name,
				ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled,
					Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeCompliance, Days: aws.Int32(30)}}}})
			return err
		},
		func() error { return b.block(ctx, true) },
		func() error { return b.own(ctx, types.ObjectOwnershipBucketOwnerEnforced) },
		func() error { return b.govern(ctx, goodPolicy) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *Bucket) encryptBy(ctx context.Context, algorithm types.ServerSideEncryption, key string, bucketKey bool) error {
	by := &types.ServerSideEncryptionByDefault{SSEAlgorithm: algorithm}
	if key != "" {
		by.KMSMasterKeyID = &key
	}
	_, err := b.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &b.name,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
			{ApplyServerSideEncryptionByDefault: by, BucketKeyEnabled: &bucketKey}}}})
	return err
}

func (b *Bucket) block(ctx context.Context, policies bool) error {
	_, err := b.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b.name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true),
			BlockPublicPolicy: &policies, RestrictPublicBuckets: aws.Bool(true)}})
	return err
}

func (b *Bucket) own(ctx context.Context, by types.ObjectOwnership) error {
	_, err := b.client.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &b.name,
		OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: by}}}})
	return err
}

func (b *Bucket) govern(ctx context.Context, text string) error {
	_, err := b.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.name, Policy: &text})
	return err
}

func (b *Bucket) findings(t *testing.T) map[string]Finding {
	t.Helper()
	all := map[string]Finding{}
	b.Check(t.Context(), func(f Finding) {
		if f.Saw == "" || f.Check == "" || (f.Do == "") != (f.Outcome == OK) {
			t.Errorf("%+v lacks what was seen, or what to do", f)
		}
		all[f.Check] = f
	})
	return all
}

// TestCheckSeesEachSetting breaks one setting after the other of a bucket that is as it must be.
func TestCheckSeesEachSetting(t *testing.T) {
	b := motoBucket(t)
	ctx := t.Context()
	for name, f := range b.findings(t) {
		if f.Outcome != OK {
			t.Errorf("%s of a good bucket: %+v", name, f)
		}
	}
	tests := []struct {
		name, check string
		outcome     Outcome
		spoil       func() error
	}{
		{"encrypted by S3's own key", "encryption", Fail, func() error { return b.encryptBy(ctx, types.ServerSideEncryptionAes256, "", true) }},
		{"encrypted with the AWS-managed key", "encryption", Fail, func() error { return b.encryptBy(ctx, types.ServerSideEncryptionAwsKms, "", true) }},
		{"encrypted with another key", "encryption", Fail, func() error { return b.encryptBy(ctx, types.ServerSideEncryptionAwsKms, otherKey, true) }},
		{"encrypted with an alias", "encryption", Warn, func() error { return b.encryptBy(ctx, types.ServerSideEncryptionAwsKms, "alias/frames", true) }},
		{"the key's id alone", "encryption", OK, func() error {
			return b.encryptBy(ctx, types.ServerSideEncryptionAwsKms, testKey[strings.Index(testKey, "/")+1:], true)
		}},
		{"no bucket key", "bucket_key", Warn, func() error { return b.encryptBy(ctx, types.ServerSideEncryptionAwsKms, testKey, false) }},
		{"no default encryption", "encryption", Fail, func() error {
			_, err := b.client.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: &b.name})
			return err
		}},
		{"nor a bucket key", "bucket_key", Warn, func() error { return nil }},
		{"nothing is retained", "object_lock", Warn, func() error {
			_, err := b.client.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: &b.name,
				ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled}})
			return err
		}},
		{"one of four settings is off", "public_access", Fail, func() error { return b.block(ctx, false) }},
		{"none of them is set", "public_access", Fail, func() error {
			_, err := b.client.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &b.name})
			return err
		}},
		{"uploaders own their objects", "ownership", Fail, func() error { return b.own(ctx, types.ObjectOwnershipObjectWriter) }},
		{"nobody said who owns them", "ownership", Fail, func() error {
			_, err := b.client.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: &b.name})
			return err
		}},
		{"a policy without the statement", "tls_only", Fail, func() error { return b.govern(ctx, strings.ReplaceAll(goodPolicy, "Deny", "Allow")) }},
		{"no policy", "tls_only", Fail, func() error {
			_, err := b.client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &b.name})
			return err
		}},
		{"versioning is suspended", "versioning", Fail, func() error {
			_, err := b.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b.name,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended}})
			return err
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.spoil(); err != nil {
				t.Fatal(err)
			}
			if got := b.findings(t)[test.check]; got.Outcome != test.outcome {
				t.Errorf("%+v, want %s", got, test.outcome)
			}
		})
	}
}

func TestCheckOfABucketThatIsNotThere(t *testing.T) {
	o := at(mototest.Start(t))
	o.Bucket = "nobodys"
	b := open(t, o, nil)
	if got := b.findings(t); len(got) != 1 || got["bucket"].Outcome != Fail {
		t.Errorf("%+v, want that there is none, and nothing else", got)
	}
	plain := open(t, at(*b.client.Options().BaseEndpoint), nil)
	if _, err := plain.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &plain.name}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Outcome{"bucket": OK, "object_lock": Fail, "versioning": Fail, "tls_only": Fail} {
		if got := plain.findings(t)[name]; got.Outcome != want {
			t.Errorf("of a bucket as it is made: %+v, want %s", got, want)
		}
	}
}

// What may not be seen is never called good.
func TestUnseenIsNotOK(t *testing.T) {
	for name, server := range map[string]reply{
		"forbidden":       {status: 403, codeInXML: "AccessDenied"},
		"not implemented": {status: 501, codeInXML: "NotImplemented"},
		"out of order":    {status: 400, codeInXML: "Whatever"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(server)
			defer s.Close()
			got := open(t, at(s.URL), nil).findings(t)
			if len(got) != len(checks)+1 {
				t.Errorf("%d findings, want %d", len(got), len(checks)+1)
			}
			for check, f := range got {
				if f.Outcome != Unseen {
					t.Errorf("%s: %+v", check, f)
				}
				if check != "bucket" && name == "forbidden" && !strings.Contains(f.Do, "s3:Get") {
					t.Errorf("%s: %q names no permission", check, f.Do)
				}
			}
		})
	}
}

// TestCheckOfARealServer: versitygw has some of the settings.
func TestCheckOfARealServer(t *testing.T) {
	server := s3test.Start(t)
	server.CreateBucket(t, testBucket)
	o := at(server.Endpoint)
	o.Credentials = server.Credentials()
	b := open(t, o, server.HTTPClient())
	if err := b.govern(t.Context(), goodPolicy); err != nil {
		t.Log("versitygw takes no such policy:", err)
	}
	got := b.findings(t)
	t.Log(got)
	if got["bucket"].Outcome != OK {
		t.Errorf("%+v", got["bucket"])
	}
	for _, check := range []string{"encryption", "public_access"} {
		if got[check].Outcome == OK {
			t.Errorf("%s is good on a server that has none: %+v", check, got[check])
		}
	}
}

func TestWhichStatementsRefusePlainHTTP(t *testing.T) {
	const good = `{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::frames", "arn:aws:s3:::frames/*"],
		"Condition": {"Bool": {"aws:SecureTransport": "false"}}}`
	tests := []struct {
		name, old, new string
		refuses        bool
	}{
		{"as it should be", "", "", true},
		{"a principal by kind", `"Principal": "*"`, `"Principal": {"AWS": "*"}`, true},
		{"a principal in a list", `"Principal": "*"`, `"Principal": {"AWS": ["*"]}`, true},
		{"a boolean", `"false"`, `false`, true},
		{"values in lists", `"false"`, `["false"]`, true},
		{"other spelling", `aws:SecureTransport`, `AWS:securetransport`, true},
		{"another partition", `arn:aws:`, `arn:aws-cn:`, true},
		{"a rule that allows", `Deny`, `Allow`, false},
		{"one principal only", `"Principal": "*"`, `"Principal": {"AWS": "111122223333"}`, false},
		{"no principal", `"Principal": "*", `, ``, false},
		{"reading only", `"s3:*"`, `["s3:GetObject", "s3:PutObject"]`, false},
		{"objects only", `"arn:aws:s3:::frames", `, ``, false},
		{"the bucket only", `, "arn:aws:s3:::frames/*"`, ``, false},
		{"another bucket", `frames`, `other`, false},
		{"a part of the bucket", `frames/*`, `frames/raw/*`, false},
		{"the wrong way round", `"false"`, `"true"`, false},
		{"either way", `"false"`, `["false", "true"]`, false},
		{"if it exists", `"Bool"`, `"BoolIfExists"`, false},
		{"in one network only", `{"Bool": `, `{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": `, false},
		{"and something else", `"aws:SecureTransport": "false"`, `"aws:SecureTransport": "false", "aws:ViaAWSService": "false"`, false},
		{"an empty condition", `"aws:SecureTransport": "false"`, ``, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.ReplaceAll(good, test.old, test.new)
			if test.old == "" {
				text = good
			}
			for _, document := range []string{`{"Statement": [` + text + `]}`, `{"Statement": ` + text + `}`} {
				var p policy
				if err := json.Unmarshal([]byte(document), &p); err != nil {
					t.Fatal(err)
				}
				got := slices.ContainsFunc(p.Statement, func(s statement) bool { return s.refusesPlainHTTP("frames") })
				if got != test.refuses {
					t.Errorf("%v for %s", got, document)
				}
			}
		})
	}
}
