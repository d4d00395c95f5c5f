package ticket

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Headers that every ticket must have signed (host is in the URL).
const (
	headerLength   = "content-length"
	headerType     = "content-type"
	headerMD5      = "content-md5"
	headerSHA256   = "x-amz-checksum-sha256"
	headerSSE      = "x-amz-server-side-encryption"
	headerKMSKey   = "x-amz-server-side-encryption-aws-kms-key-id"
	headerIfNone   = "if-none-match"
	headerHost     = "host"
	metadataPrefix = "x-amz-meta-"

	// maxMetadata is S3's limit for user-defined metadata, names and values together.
	maxMetadata = 2 << 10
)

// wanted are the header values that the rig computes itself for an upload.
func (p Policy) wanted(u Upload) map[string]string {
	headers := map[string]string{
		headerLength: strconv.FormatInt(u.Bytes, 10),
		headerType:   u.ContentType,
		headerMD5:    ContentMD5(u.MD5),
		headerSHA256: ChecksumSHA256(u.SHA256),
		headerSSE:    "aws:kms",
		headerIfNone: "*",
	}
	if p.KMSKeyARN != "" {
		headers[headerKMSKey] = p.KMSKeyARN
	}
	return headers
}

func (p Policy) verifyHeaders(signed []string, headers map[string]string, u Upload) error {
	isSigned := make(map[string]bool, len(signed))
	for _, name := range signed {
		if isSigned[name] {
			return fault(FaultQuery, "X-Amz-SignedHeaders names %.60q twice", name)
		}
		isSigned[name] = true
	}
	if !isSigned[headerHost] {
		return fault(FaultNotSigned, "host is not a signed header")
	}
	wanted := p.wanted(u)
	for _, name := range sortedNames(wanted) {
		value := wanted[name]
		got, present := headers[name]
		switch {
		case !isSigned[name]:
			return fault(FaultNotSigned, "%s is not a signed header", name)
		case !present:
			return fault(FaultHeaderAbsent, "%s is signed, but the ticket has no value for it", name)
		case value == "" || got != value:
			return fault(FaultHeaderValue, "%s is not what this rig computed for the frame", name)
		}
	}
	for _, name := range signed {
		if _, present := headers[name]; !present && name != headerHost {
			return fault(FaultHeaderAbsent, "%.60s is signed, but the ticket has no value for it", name)
		}
	}
	return p.verifySurplus(isSigned, wanted, headers)
}

// verifySurplus allows, beyond what is wanted, only object metadata and a KMS key where the configuration
// leaves that choice to the backend; both signed.
func (p Policy) verifySurplus(isSigned map[string]bool, wanted, headers map[string]string) error {
	metadata := 0
	for _, name := range sortedNames(headers) {
		value := headers[name]
		if _, ok := wanted[name]; ok {
			continue
		}
		isMetadata := strings.HasPrefix(name, metadataPrefix) && len(name) > len(metadataPrefix)
		switch {
		case !isMetadata && name != headerKMSKey:
			return fault(FaultUnexpected, "the ticket asks for the header %.60q", name)
		case !isSigned[name]:
			return fault(FaultNotSigned, "%.60s is not a signed header", name)
		case !printable(name) || !printable(value):
			return fault(FaultHeaderValue, "%.60q is not plain text", name)
		}
		if isMetadata {
			metadata += len(name) - len(metadataPrefix) + len(value)
		}
	}
	if metadata > maxMetadata {
		return fault(FaultUnexpected, "%d bytes of object metadata, S3 takes %d", metadata, maxMetadata)
	}
	return nil
}

// sortedNames makes the first fault of several always the same one.
func sortedNames(headers map[string]string) []string {
	return slices.Sorted(maps.Keys(headers))
}

// printable keeps header values to visible ASCII and inner spaces: no line can be smuggled in.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == strings.TrimSpace(s)
}
