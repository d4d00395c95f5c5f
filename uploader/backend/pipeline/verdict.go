package pipeline

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"shelfagent/uploader/ticket"
)

// Reason says what is wrong with an object. Validate adds its own.
type Reason string

// Reasons of this package.
const (
	ForeignKey     Reason = "foreign_key"     // not raw/<store>/… in plain letters: no ticket was for it
	NoDigest       Reason = "no_digest"       // there is no SHA-256 in its key
	NotEncrypted   Reason = "not_encrypted"   // not with a KMS key
	WrongKMSKey    Reason = "wrong_kms_key"   // with another one than the frames'
	TooLarge       Reason = "too_large"       // more than Options.MaxBytes
	Empty          Reason = "empty"           // no byte
	NoChecksum     Reason = "no_checksum"     // S3 keeps no SHA-256 for it
	DigestMismatch Reason = "digest_mismatch" // key, stored checksum and bytes do not agree
	ContentType    Reason = "content_type"    // its bytes are something else than it says
	Gone           Reason = "gone"            // it was deleted before it was looked at
)

// object is what S3 says of one version, before its bytes are asked for.
type object struct {
	created
	etag        string
	bytes       int64
	contentType string
	encryption  types.ServerSideEncryption
	kmsKey      string
	metadata    map[string]string
}

// ticketed is the form of every key that a ticket can be for: the store is one of a certificate, and the rest consists
// of what a key template may.
var ticketed = regexp.MustCompile(`^raw/([a-z0-9][a-z0-9._-]{0,62})/[A-Za-z0-9/._=-]+$`)

var digestInKey = regexp.MustCompile(`(?:^|[^0-9a-f])([0-9a-f]{64})(?:[^0-9a-f]|$)`)

// store is the key's own word; empty where it has none.
func (o object) store() string {
	if found := ticketed.FindStringSubmatch(o.key); found != nil {
		return found[1]
	}
	return ""
}

// fromOutside is what can be wrong before a byte is read.
func (o object) fromOutside(keyARN string, maxBytes int64) *Flaw {
	switch {
	case o.store() == "":
		return &Flaw{ForeignKey, "its key is not raw/<store>/… in plain letters, so that no ticket was for it"}
	case digestInKey.FindString(o.key) == "":
		return &Flaw{NoDigest, "its key contains no SHA-256, so that no ticket was for it"}
	case o.encryption != types.ServerSideEncryptionAwsKms && o.encryption != types.ServerSideEncryptionAwsKmsDsse:
		return &Flaw{NotEncrypted, fmt.Sprintf("its encryption is %q, not with a KMS key", o.encryption)}
	case o.kmsKey != keyARN:
		return &Flaw{WrongKMSKey, fmt.Sprintf("it is encrypted with %.256q, not with %s", o.kmsKey, keyARN)}
	case o.bytes == 0:
		return &Flaw{Empty, "it has no content"}
	case o.bytes > maxBytes:
		return &Flaw{TooLarge, fmt.Sprintf("it has %d bytes, at most %d are taken", o.bytes, maxBytes)}
	}
	return nil
}

// inside holds the bytes against what S3 keeps and what the key says, and only then looks into them.
func (o object) inside(body []byte, kept string, validate Validate) (Picture, *Flaw) {
	digest := sha256.Sum256(body)
	switch {
	case kept == "":
		return Picture{}, &Flaw{NoChecksum, "S3 keeps no SHA-256 for it, so that it did not come by a ticket"}
	case kept != base64.StdEncoding.EncodeToString(digest[:]):
		return Picture{}, &Flaw{DigestMismatch, "its bytes have another SHA-256 than the one that S3 keeps for it"}
	case ticket.VerifyDigest(o.key, hex.EncodeToString(digest[:])) != nil: // as rigs read a key
		return Picture{}, &Flaw{DigestMismatch, "its key has another SHA-256 than its bytes, or more than one"}
	}
	picture, flaw := validate(body)
	if flaw == nil && picture.ContentType != o.contentType {
		flaw = &Flaw{ContentType, fmt.Sprintf("its bytes are %s, and it says %.64q", picture.ContentType, o.contentType)}
	}
	return picture, flaw
}
