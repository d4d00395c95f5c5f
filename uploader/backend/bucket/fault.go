package bucket

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Fault is why an object cannot be had. The zero value is none of them.
type Fault string

// Faults of Read, Save and Print.
const (
	Absent   Fault = "absent"    // there is no such object, or no such bucket
	Denied   Fault = "denied"    // these credentials may not read it, or decrypt it
	Damaged  Fault = "damaged"   // its bytes are not those that it should have
	WrongKey Fault = "wrong_key" // it is not encrypted with the expected KMS key
	Archived Fault = "archived"  // it is in a storage class that has to be restored first
)

// Error is a Fault of one object.
type Error struct {
	Fault Fault
	Key   string
	// Saw is what was found, Do what to do about it.
	Saw, Do string
	cause   error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Key, e.Fault, e.Saw) }
func (e *Error) Unwrap() error { return e.cause }

// explain makes a Fault of what S3 answered. What is none stays the error that it is.
func (b *Bucket) explain(key string, err error) error {
	fault := func(f Fault, saw, do string) error { return &Error{Fault: f, Key: key, Saw: saw, Do: do, cause: err} }
	switch code := errorCode(err); {
	case code == "NoSuchBucket":
		return fault(Absent, "there is no bucket "+b.name, "Check s3.bucket and s3.region.")
	case code == "NoSuchKey" && deleted(err):
		return fault(Absent, "the object was deleted; a delete marker is in its place", "Earlier versions may still be in the bucket.")
	case code == "NoSuchKey":
		return fault(Absent, "there is no object at this key in "+b.name, "Check the key: it begins with raw/<store>/.")
	case code == "InvalidObjectState":
		return fault(Archived, "the object is archived", "Restore it first (aws s3api restore-object), and try again when that is done.")
	case status(err) == http.StatusForbidden:
		return fault(Denied, "S3 refuses it to these credentials ("+code+"); to those who may not list the bucket it says so of absent objects as well",
			"They need s3:GetObject on the object, kms:Decrypt on its key, and s3:ListBucket to be told what is absent.")
	}
	return fmt.Errorf("%s: S3 cannot be asked: %w", key, err)
}

// errorCode is S3's word for what is wrong, or "" when it did not answer.
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status is the HTTP status of an answer, or 0.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

func deleted(err error) bool {
	var answer *smithyhttp.ResponseError
	return errors.As(err, &answer) && answer.Response != nil && answer.Response.Header.Get("x-amz-delete-marker") == "true"
}
