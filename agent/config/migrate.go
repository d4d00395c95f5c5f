package config

import (
	"fmt"

	"shelfagent/agent/config/strict"
)

// SchemaVersion is the version of the file's form that this program writes. It reads all before it, too.
//
//	1  capture.rejected
//	2  capture.rejected_dir, named like the other folders: beside rejected_max_bytes nobody could tell what it was
const SchemaVersion = 2

// renamed are the last parts that keys have in the next schema, by the schema that they end with.
var renamed = map[int]map[string]string{
	1: {"capture.rejected": "rejected_dir"},
}

// Migrate gives a file of an older schema the names of the present one, in memory; nothing else of it changes. A file
// that does not say its schema may be of any, so it may have the old names as well. The edits say what was changed.
func Migrate(raw []byte) ([]byte, []strict.Edit) {
	names := map[string]string{}
	for schema := schemaOf(raw); schema < SchemaVersion; schema++ {
		for key, name := range renamed[schema] {
			names[key] = name
		}
	}
	if len(names) == 0 {
		return raw, nil
	}
	return strict.Rename(raw, names)
}

// schemaOf is the schema that a file says it has: the first, if it says none, and the present one, if it says nothing
// that is a schema, which is reported by others.
func schemaOf(raw []byte) int {
	var file struct {
		Schema any `toml:"schema"`
	}
	if err := strict.Peek(raw, &file); err != nil {
		return SchemaVersion
	}
	switch schema := file.Schema.(type) {
	case nil:
		return 1
	case int64:
		if schema >= 1 && schema < SchemaVersion {
			return int(schema)
		}
	}
	return SchemaVersion
}

// Present is a file's content as it would be written today. It differs from the file in the names of keys that have
// others now, and in its schema; if it said none, a first line says it.
func Present(raw []byte) ([]byte, []strict.Edit) {
	present, edits := Migrate(raw)
	if schemaOf(raw) == SchemaVersion {
		return present, edits
	}
	return setSchema(present), edits
}

func setSchema(raw []byte) []byte {
	if replaced, ok := strict.SetValue(raw, "schema", fmt.Sprint(SchemaVersion)); ok {
		return replaced
	}
	return append(fmt.Appendf(nil, "schema = %d\n", SchemaVersion), raw...)
}
