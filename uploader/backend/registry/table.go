package registry

import (
	"context"
	"errors"
	"time"
)

// ErrConflict says that a record was changed by somebody else since it was read. Nothing was written.
var ErrConflict = errors.New("registry: a record was changed meanwhile")

// maxRecords is how many records one Get or Commit may name. DynamoDB takes 100.
const maxRecords = 100

// Key is a record's name: the part that keeps records together, and its name there.
type Key struct{ Part, Name string }

// Record is one value. A record that is not there has version 0 and no value.
type Record struct {
	Key
	// Version is raised by each Commit. In a record to be committed it is the version that was read.
	Version uint64
	// Ends is when the record may be deleted, to the second; zero means never.
	Ends time.Time
	// Value is JSON.
	Value []byte
}

// Table keeps records. All methods are safe for concurrent use.
type Table interface {
	// Get returns one record for each key, in that order. Whatever a Commit that has returned wrote is seen. A
	// record whose end has passed may still be there.
	Get(ctx context.Context, keys ...Key) ([]Record, error)
	// Commit writes all records or none, and must not return nil until they are durable. It returns ErrConflict
	// when a record's version is no longer the stored one.
	Commit(ctx context.Context, records ...Record) error
	// Part returns all records of a part, by name.
	Part(ctx context.Context, part string) ([]Record, error)
	// Close gives up what the table holds. The table is not used after it.
	Close() error
}
