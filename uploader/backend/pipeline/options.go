package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxBytes = 64 << 20
	DefaultKeep     = 90 * 24 * time.Hour
)

// mostBytes is beyond what the memory of a Lambda function holds.
const mostBytes = 1 << 30

// Picture is what Validate found.
type Picture struct {
	ContentType   string // such as "image/jpeg"
	Width, Height int    // pixels
}

// Flaw is why an object is no valid frame.
type Flaw struct {
	Reason Reason
	Detail string // for people; never a byte of the object
}

// Validate says what the bytes are, or what is wrong with them. It keeps none of them, and never panics.
type Validate func(body []byte) (Picture, *Flaw)

// The function's environment.
const (
	BucketEnv   = "SHELF_PIPELINE_BUCKET"
	KMSKeyEnv   = "SHELF_PIPELINE_KMS_KEY"
	TableEnv    = "SHELF_PIPELINE_TABLE"
	TopicEnv    = "SHELF_PIPELINE_TOPIC"
	MaxBytesEnv = "SHELF_PIPELINE_MAX_BYTES" // may be absent
)

// Options configure a Pipeline. What has no default must be set.
type Options struct {
	Bucket    string
	KMSKeyARN string // of the frames' key, in full: S3 reports it so
	Table     string
	TopicARN  string
	// MaxBytes is the largest frame; 0 means DefaultMaxBytes.
	MaxBytes int64
	// Keep is how long a record stays; 0 means DefaultKeep.
	Keep     time.Duration
	Validate Validate
	// Log gets one line for each object; nil means slog.Default. It must write JSON to be metrics, too.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// FromEnvironment reads what the environment says; what is wrong with it, but for MaxBytesEnv, Open says.
func FromEnvironment(env func(string) string) (Options, error) {
	o := Options{Bucket: env(BucketEnv), KMSKeyARN: env(KMSKeyEnv), Table: env(TableEnv), TopicARN: env(TopicEnv)}
	if text := env(MaxBytesEnv); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 || n > mostBytes {
			return o, fmt.Errorf("%s is %q; it must be a number of bytes, 1 to %d", MaxBytesEnv, text, mostBytes)
		}
		o.MaxBytes = n
	}
	return o, nil
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	keyARN     = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
	tableName  = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
	topicARN   = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)
)

// withDefaults names what is wrong by the variable that people set.
func (o Options) withDefaults() (Options, error) {
	var wrong []error
	for _, text := range []struct {
		variable, value string
		form            *regexp.Regexp
		want            string
	}{
		{BucketEnv, o.Bucket, bucketName, "the name of a bucket, without dots"},
		{KMSKeyEnv, o.KMSKeyARN, keyARN, "the full ARN of a KMS key (arn:aws:kms:…:key/…), because S3 reports it so"},
		{TableEnv, o.Table, tableName, "the name of a DynamoDB table"},
		{TopicEnv, o.TopicARN, topicARN, "the ARN of an SNS topic (arn:aws:sns:…)"},
	} {
		if !text.form.MatchString(text.value) {
			wrong = append(wrong, fmt.Errorf("%s is %q; it must be %s", text.variable, text.value, text.want))
		}
	}
	if o.Validate == nil {
		wrong = append(wrong, errors.New("the pipeline was given nothing to judge pictures with"))
	}
	o.MaxBytes, o.Keep = cmp.Or(o.MaxBytes, DefaultMaxBytes), cmp.Or(o.Keep, DefaultKeep)
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, errors.Join(wrong...)
}
