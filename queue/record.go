package queue

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// errRecord marks a value that is not what was written: a wrong checksum, version or body.
var errRecord = errors.New("queue: record fails its checksum")

const (
	recordVersion = 1
	recordHeader  = 5 // version, CRC-32C
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the key as well, so that a value under another's key is found out.
func checksum(version byte, key, body []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte{version})
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, body)
}

// seal wraps a value for the database.
func seal(key []byte, value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("queue: encoding %q: %w", key, err)
	}
	sealed := make([]byte, recordHeader, recordHeader+len(body))
	sealed[0] = recordVersion
	binary.BigEndian.PutUint32(sealed[1:], checksum(recordVersion, key, body))
	return append(sealed, body...), nil
}

// unseal is the inverse of seal. Its error is an errRecord.
func unseal(key, sealed []byte, value any) error {
	if len(sealed) < recordHeader || sealed[0] != recordVersion {
		return fmt.Errorf("%w: %q", errRecord, key)
	}
	body := sealed[recordHeader:]
	if binary.BigEndian.Uint32(sealed[1:]) != checksum(sealed[0], key, body) {
		return fmt.Errorf("%w: %q", errRecord, key)
	}
	if err := json.Unmarshal(body, value); err != nil {
		return fmt.Errorf("%w: %q: %w", errRecord, key, err)
	}
	return nil
}

// record is the body of an item's value. Short names: a million of them are kept.
type record struct {
	Bytes     int64             `json:"b"`
	Enqueued  int64             `json:"q"` // ms since 1970
	Type      string            `json:"t,omitempty"`
	MD5       []byte            `json:"m,omitempty"`
	Metadata  map[string]string `json:"x,omitempty"`
	Source    string            `json:"s,omitempty"`
	Attempts  int               `json:"a,omitempty"`
	NotBefore int64             `json:"n,omitempty"` // ms since 1970
	LastError string            `json:"e,omitempty"`
	Reason    string            `json:"r,omitempty"`
	Rebuilt   bool              `json:"u,omitempty"`
}

func encodeItem(it Item) ([]byte, error) {
	r := record{Bytes: it.Bytes, Enqueued: it.EnqueuedAt.UnixMilli(), Type: it.ContentType, Metadata: it.Metadata,
		Source: it.Source, Attempts: it.Attempts, LastError: it.LastError, Reason: it.Reason, Rebuilt: it.Rebuilt}
	if it.MD5 != [16]byte{} {
		r.MD5 = it.MD5[:]
	}
	if !it.NotBefore.IsZero() {
		r.NotBefore = it.NotBefore.UnixMilli()
	}
	return seal([]byte(it.ID), r)
}

// decodeItem reads the value of a key in the bucket of a state.
func decodeItem(key, value []byte, state State) (Item, error) {
	var r record
	if err := unseal(key, value, &r); err != nil {
		return Item{}, err
	}
	id, err := parseID(ID(key))
	if err != nil {
		return Item{}, err
	}
	it := Item{ID: ID(key), Camera: id.camera, CapturedAt: id.captured, SHA256: id.sha256, State: state,
		EnqueuedAt: time.UnixMilli(r.Enqueued).UTC(), Bytes: r.Bytes, ContentType: r.Type, Metadata: r.Metadata,
		Source: r.Source, Attempts: r.Attempts, LastError: r.LastError, Reason: r.Reason, Rebuilt: r.Rebuilt}
	copy(it.MD5[:], r.MD5)
	if r.NotBefore != 0 {
		it.NotBefore = time.UnixMilli(r.NotBefore).UTC()
	}
	return it, nil
}

// rebuildItem makes what can be made of an item from its name. The MD5 follows when it is leased.
func rebuildItem(id ID, bytes int64, now time.Time) (Item, error) {
	i, err := parseID(id)
	if err != nil {
		return Item{}, err
	}
	return Item{ID: id, Camera: i.camera, CapturedAt: i.captured, SHA256: i.sha256, ContentType: contentType(i.ext),
		EnqueuedAt: now, Bytes: bytes, State: Waiting, Rebuilt: true}, nil
}

// receiptKey numbers receipts in the order in which they were given.
func receiptKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// dueKey orders deferrals by time, then ID.
func dueKey(at time.Time, id ID) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(max(at.UnixMilli(), 0))), id...)
}

// splitDue is the inverse of dueKey.
func splitDue(key []byte) (time.Time, ID) {
	if len(key) < 8 {
		return time.Time{}, ""
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(key))).UTC(), ID(key[8:])
}
