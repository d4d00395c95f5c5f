package registry

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	bolt "go.etcd.io/bbolt"
)

// sweepMost bounds how many ended records a Commit deletes beside its work.
const sweepMost = 256

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stored is a record's value in the file, after its checksum.
type stored struct {
	Version uint64          `json:"version"`
	Ends    int64           `json:"ends,omitempty"` // Unix seconds; 0 never
	Value   json.RawMessage `json:"value"`
}

func fileKey(k Key) []byte { return []byte(k.Part + "\x00" + k.Name) }

func dueKey(ends int64, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(ends)), key...)
}

// checksum covers the key, so that a value under another's key is found out.
func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

func load(tx *bolt.Tx, k Key) (Record, error) {
	key := fileKey(k)
	sealed := tx.Bucket(bucketRecords).Get(key)
	if sealed == nil {
		return Record{Key: k}, nil
	}
	var s stored
	if len(sealed) < 4 || binary.BigEndian.Uint32(sealed) != checksum(key, sealed[4:]) || json.Unmarshal(sealed[4:], &s) != nil {
		return Record{}, fmt.Errorf("registry: record %s %s: %w", k.Part, k.Name, ErrDamaged)
	}
	record := Record{Key: k, Version: s.Version, Value: s.Value}
	if s.Ends != 0 {
		record.Ends = time.Unix(s.Ends, 0).UTC()
	}
	return record, nil
}

func save(tx *bolt.Tx, r Record) error {
	present, err := load(tx, r.Key)
	if err != nil {
		return err
	}
	if present.Version != r.Version {
		return ErrConflict
	}
	key, due := fileKey(r.Key), tx.Bucket(bucketDue)
	if !present.Ends.IsZero() {
		if err := due.Delete(dueKey(present.Ends.Unix(), key)); err != nil {
			return err
		}
	}
	s := stored{Version: r.Version + 1, Value: r.Value}
	if !r.Ends.IsZero() {
		s.Ends = r.Ends.Unix()
		if err := due.Put(dueKey(s.Ends, key), nil); err != nil {
			return err
		}
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sealed := append(binary.BigEndian.AppendUint32(nil, checksum(key, body)), body...)
	return tx.Bucket(bucketRecords).Put(key, sealed)
}

// sweep deletes what has ended, the oldest first. DynamoDB does the same by itself.
func sweep(tx *bolt.Tx, now time.Time) error {
	due, records := tx.Bucket(bucketDue), tx.Bucket(bucketRecords)
	var ended [][]byte
	cursor := due.Cursor()
	for k, _ := cursor.First(); k != nil && len(ended) < sweepMost; k, _ = cursor.Next() {
		if int64(binary.BigEndian.Uint64(k)) > now.Unix() {
			break
		}
		ended = append(ended, bytes.Clone(k))
	}
	for _, k := range ended {
		if err := errors.Join(records.Delete(k[8:]), due.Delete(k)); err != nil {
			return err
		}
	}
	return nil
}
