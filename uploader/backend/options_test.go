package backend

import (
	"errors"
	"testing"
	"time"
)

func TestOptionsThatCannotStand(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		option string
	}{
		{"no trust domain", func(o *Options) { o.TrustDomain = "" }, "identity.trust_domain"},
		{"trust domain as a URI", func(o *Options) { o.TrustDomain = "spiffe://shelf.test" }, "identity.trust_domain"},
		{"no bucket", func(o *Options) { o.S3.Bucket = "" }, "s3.bucket"},
		{"bucket with dots", func(o *Options) { o.S3.Bucket = "frames.example.com" }, "s3.bucket"},
		{"bucket as a URL", func(o *Options) { o.S3.Bucket = "s3://frames" }, "s3.bucket"},
		{"directory bucket", func(o *Options) { o.S3.Bucket = "frames--use1-az4--x-s3" }, "s3.bucket"},
		{"no region", func(o *Options) { o.S3.Region = "" }, "s3.region"},
		{"region with a slash", func(o *Options) { o.S3.Region = "us/east" }, "s3.region"},
		{"no key", func(o *Options) { o.S3.KMSKeyARN = "" }, "s3.kms_key_arn"},
		{"key id alone", func(o *Options) { o.S3.KMSKeyARN = "1234abcd-12ab-34cd-56ef-1234567890ab" }, "s3.kms_key_arn"},
		{"alias", func(o *Options) { o.S3.KMSKeyARN = "arn:aws:kms:us-east-1:111122223333:alias/frames" }, "s3.kms_key_arn"},
		{"key of another region", func(o *Options) { o.S3.Region = "eu-central-1" }, "s3.kms_key_arn"},
		{"endpoint without TLS", func(o *Options) { o.S3.Endpoint = "http://127.0.0.1:7070" }, "s3.endpoint"},
		{"endpoint without a scheme", func(o *Options) { o.S3.Endpoint = "bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com" }, "s3.endpoint"},
		{"endpoint with a path", func(o *Options) { o.S3.Endpoint = "https://proxy.example.com/s3" }, "s3.endpoint"},
		{"endpoint with a user", func(o *Options) { o.S3.Endpoint = "https://u:p@s3.example.com" }, "s3.endpoint"},
		{"endpoint in upper case", func(o *Options) { o.S3.Endpoint = "https://S3.example.com" }, "s3.endpoint"},
		{"store's endpoint that is empty", func(o *Options) { o.S3.Stores = map[string]StoreS3{"4711": {}} }, "s3.stores.4711.endpoint"},
		{"store's endpoint without TLS", func(o *Options) { o.S3.Stores = map[string]StoreS3{"4711": {Endpoint: "http://s3"}} },
			"s3.stores.4711.endpoint"},
		{"endpoint of no store", func(o *Options) { o.S3.Stores = map[string]StoreS3{"Berlin": {Endpoint: "https://s3"}} }, "s3.stores.Berlin"},
		{"TTL beyond the contract", func(o *Options) { o.Tickets.TTL = 15*time.Minute + time.Second }, "tickets.ttl"},
		{"TTL of a second", func(o *Options) { o.Tickets.TTL = time.Second }, "tickets.ttl"},
		{"negative TTL", func(o *Options) { o.Tickets.TTL = -time.Minute }, "tickets.ttl"},
		{"key template that overwrites", func(o *Options) { o.Tickets.KeyTemplate = "raw/{store}/{camera}.{ext}" }, "tickets.key_template"},
		{"metadata that is the backend's", func(o *Options) { o.Tickets.Metadata = []string{"captured_at"} }, "tickets.metadata"},
		{"metadata twice", func(o *Options) { o.Tickets.Metadata = []string{"time_source", "time-source"} }, "tickets.metadata"},
		{"metadata that is no header name", func(o *Options) { o.Tickets.Metadata = []string{"a b"} }, "tickets.metadata"},
		{"11 metadata", func(o *Options) { o.Tickets.Metadata = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} }, "tickets.metadata"},
		{"frames beyond one PUT", func(o *Options) { o.Policy.MaxBytes = 6 << 30 }, "policy.max_bytes"},
		{"negative size", func(o *Options) { o.Policy.MaxBytes = -1 }, "policy.max_bytes"},
		{"type without an extension", func(o *Options) { o.Policy.ContentTypes = []string{"image/gif"} }, "policy.content_types"},
		{"no types", func(o *Options) { o.Policy.ContentTypes = []string{} }, "policy.content_types"},
		{"store that is no id", func(o *Options) { o.Policy.Cameras = map[string][]string{"Berlin": nil} }, "policy.cameras"},
		{"camera that is no id", func(o *Options) { o.Policy.Cameras = map[string][]string{"1": {"Left Aisle"}} }, "policy.cameras"},
		{"negative cameras", func(o *Options) { o.Policy.MaxCameras = -1 }, "policy.max_cameras"},
		{"negative rate", func(o *Options) { o.Policy.FramesPerMinute = -1 }, "policy.frames_per_minute"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := testOptions()
			test.change(&o)
			_, err := New(t.Context(), o)
			wantOption(t, err, test.option)
		})
	}
}

func wantOption(t *testing.T, err error, option string) {
	t.Helper()
	var invalid *OptionError
	if !errors.As(err, &invalid) || invalid.Option != option || invalid.Reason == "" {
		t.Errorf("error %v, want one of %s", err, option)
	}
}
