//go:build linux && (amd64 || arm64)

package powercut

import (
	"fmt"
	"math/rand/v2"
)

// keeping says what a disk has kept of what was not synced. Answers do not depend on when they are asked for.
type keeping struct {
	policy string
	before int     // prefix: what was recorded earlier
	share  float64 // subset, torn: of what is kept
	seed   uint64  // subset, torn
	sector int     // torn: bytes that are written whole; 0: a write is
}

// newKeeping draws one for a policy and a cut.
func newKeeping(policy string, cut, sector int, random *rand.Rand) keeping {
	k := keeping{policy: policy, seed: random.Uint64(), share: [...]float64{0.1, 0.5, 0.9}[random.IntN(3)]}
	k.before = cut - random.IntN([...]int{8, 64, 512}[random.IntN(3)])
	if policy == "torn" {
		k.sector = sector
	}
	return k
}

func (k keeping) String() string {
	switch k.policy {
	case "prefix":
		return fmt.Sprintf("prefix up to %d", k.before)
	case "subset", "torn":
		return fmt.Sprintf("%s %.0f%% of seed %d", k.policy, k.share*100, k.seed)
	}
	return k.policy
}

// name tells whether a change of names is kept, by its place in the record.
func (k keeping) name(i int) bool {
	switch k.policy {
	case "kept", "names":
		return true
	case "prefix":
		return i < k.before
	case "subset", "torn":
		return k.coin(i, -1)
	}
	return false
}

// touches tells whether a change of contents is kept, at least in part.
func (k keeping) touches(i int) bool {
	switch k.policy {
	case "kept", "data", "torn": // torn: part decides
		return true
	case "names":
		return false
	}
	return k.name(i)
}

// part tells whether a sector of a write is kept.
func (k keeping) part(i int, sector int64) bool { return k.coin(i, sector) }

// coin is SplitMix64 over what is asked.
func (k keeping) coin(i int, sector int64) bool {
	x := k.seed + uint64(i)*0x9e3779b97f4a7c15 + uint64(sector)*0xd1b54a32d192ed03
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11)/(1<<53) < k.share
}
