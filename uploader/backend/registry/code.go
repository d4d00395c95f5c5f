package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"
)

const (
	codeBytes   = 10 // 80 bits, 16 letters
	codeLetters = codeBytes * 8 / 5
	codeGroup   = 4
)

// ErrCode says that a text cannot be an invitation's code, whatever invitations there are.
var ErrCode = errors.New("registry: a code is 16 letters and digits, in groups of four")

// crockford is Douglas Crockford's base 32: no I, L, O, U, so that a code can be read aloud and typed.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newCode draws a code such as 7KQ2-M0X9-DB3H-4TZE: 80 bits, of which nobody guesses one in the day that it
// is good for at most.
func newCode() string {
	var raw [codeBytes]byte
	_, _ = rand.Read(raw[:]) // never fails
	letters := crockford.EncodeToString(raw[:])
	var groups []string
	for i := 0; i < codeLetters; i += codeGroup {
		groups = append(groups, letters[i:i+codeGroup])
	}
	return strings.Join(groups, "-")
}

// lookalikes are what people type for the digits that they see.
var lookalikes = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")

// invitationKey finds an invitation by its code, as a person may have typed it. The look-up compares hashes, so
// that its time tells nothing about a code.
func invitationKey(code string) (Key, error) {
	if len(code) > 4*codeLetters {
		return Key{}, ErrCode
	}
	letters := lookalikes.Replace(strings.ToUpper(code))
	raw, err := crockford.DecodeString(letters)
	if err != nil || len(letters) != codeLetters {
		return Key{}, ErrCode
	}
	sum := sha256.Sum256(raw)
	return Key{Part: "invitation/" + hex.EncodeToString(sum[:]), Name: "-"}, nil
}
