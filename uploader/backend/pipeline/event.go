package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// s3MaxKey is in bytes (S3, "Naming Amazon S3 objects").
const s3MaxKey = 1024

// s3Message is what S3 writes to the queue (S3, "Event message structure"): records, or once, when the notification is
// set up, a test event.
type s3Message struct {
	Event   string
	Records []s3Record
}

type s3Record struct {
	EventSource string `json:"eventSource"`
	EventName   string `json:"eventName"`
	S3          struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"` // as a form encodes it
			VersionID string `json:"versionId"`
		} `json:"object"`
	} `json:"s3"`
}

// created is an object that S3 says is new. version is empty where the event has none: then it is the newest.
type created struct{ key, version string }

// errNotUnderstood is of messages that no S3 of ours sends.
var errNotUnderstood = errors.New("the message is not understood")

// readMessage lists the objects that a message speaks of. Other events than ObjectCreated are left out.
func readMessage(body, bucket string) ([]created, error) {
	var message s3Message
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		return nil, fmt.Errorf("%w: it is no JSON of an S3 event", errNotUnderstood) // the error would quote it
	}
	if message.Event == "s3:TestEvent" && message.Records == nil {
		return nil, nil
	}
	if len(message.Records) == 0 {
		return nil, fmt.Errorf("%w: it has no records", errNotUnderstood)
	}
	var objects []created
	for _, record := range message.Records {
		object, err := record.read(bucket)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(strings.TrimPrefix(record.EventName, "s3:"), "ObjectCreated:") {
			objects = append(objects, object)
		}
	}
	return objects, nil
}

func (r s3Record) read(bucket string) (created, error) {
	key, err := url.QueryUnescape(r.S3.Object.Key)
	switch {
	case r.EventSource != "aws:s3" || r.EventName == "":
		return created{}, fmt.Errorf("%w: a record is of %.40q, not of S3", errNotUnderstood, r.EventSource)
	case r.S3.Bucket.Name != bucket:
		return created{}, fmt.Errorf("%w: it is of the bucket %.64q, not of %s", errNotUnderstood, r.S3.Bucket.Name, bucket)
	case err != nil || key == "" || len(key) > s3MaxKey || !utf8.ValidString(key):
		return created{}, fmt.Errorf("%w: a record has no key that S3 could have", errNotUnderstood)
	case len(r.S3.Object.VersionID) > s3MaxKey:
		return created{}, fmt.Errorf("%w: a record has a version of %d bytes", errNotUnderstood, len(r.S3.Object.VersionID))
	}
	return created{key: key, version: r.S3.Object.VersionID}, nil
}
