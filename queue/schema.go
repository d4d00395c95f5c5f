package queue

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// schemaVersion is what this package writes. Whoever raises it adds a step to upgrades, and a database of the version
// before to testdata.
const schemaVersion = firstSchema

// firstSchema is the oldest there is.
const firstSchema = 1

// upgrade makes a database of the next version of one, and changes nothing when it fails.
type upgrade func(*bolt.Tx) error

// upgrades are the way forward: the first leads from firstSchema to the version behind it, the last to schemaVersion.
var upgrades = [schemaVersion - firstSchema]upgrade{}

// ErrNewerSchema says that the database was written by a newer version of this package. It is left untouched.
var ErrNewerSchema = errors.New("queue: database has a newer schema")

// schema is the value of meta/schema.
type schema struct {
	Version int `json:"version"`
}

func setSchema(tx *bolt.Tx, version int) error {
	value, err := seal(keySchema, schema{Version: version})
	if err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keySchema, value)
}

// schemaOf returns the version of a database. Its error is errDamaged.
func schemaOf(tx *bolt.Tx) (int, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		return 0, fmt.Errorf("%w: no bucket %q", errDamaged, bucketMeta)
	}
	var found schema
	if err := unseal(keySchema, meta.Get(keySchema), &found); err != nil {
		return 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if found.Version < firstSchema {
		return 0, fmt.Errorf("%w: schema %d, and the first was %d", errDamaged, found.Version, firstSchema)
	}
	return found.Version, nil
}

// checkSchema tells whether a database can be used once it is upgraded.
func checkSchema(tx *bolt.Tx) error {
	version, err := schemaOf(tx)
	switch {
	case err != nil:
		return err
	case version > schemaVersion:
		return fmt.Errorf("%w: %d, this program knows %d", ErrNewerSchema, version, schemaVersion)
	case version < schemaVersion:
		return nil // its buckets are those of its time
	}
	for _, name := range allBuckets {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: no bucket %q", errDamaged, name)
		}
	}
	return nil
}

// upgrade takes the steps that lead from a database's schema to the one behind the last. They are one transaction: a crash
// leaves the old database or the new one. A newer one is left alone.
func (s *store) upgrade(steps []upgrade) error {
	version, last := 0, firstSchema+len(steps)
	err := s.view(func(tx *bolt.Tx) (err error) {
		version, err = schemaOf(tx)
		return err
	})
	if err != nil || version >= last {
		return err
	}
	err = guarded(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			for _, step := range steps[version-firstSchema:] {
				if err := step(tx); err != nil {
					return err
				}
			}
			return setSchema(tx, last)
		})
	})
	if err != nil {
		return fmt.Errorf("queue: upgrading %s from schema %d to %d: %w", s.path, version, last, err)
	}
	return nil
}
