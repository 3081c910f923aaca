package store

import (
	"errors"
	"fmt"
)

// Schema is the version of what lies under the keys: raised when a node of before could no longer read it.
const Schema = 1

// ErrSchema says that the store was written by another version of Spillway, which this one cannot read.
var ErrSchema = errors.New("the store has another schema")

// schemaError puts into words which of the two is older.
func schemaError(found int) error {
	if found > Schema {
		return fmt.Errorf("%w: it is version %d, this node knows %d: a newer Spillway uses it, upgrade this node", ErrSchema, found, Schema)
	}
	return fmt.Errorf("%w: it is version %d, this node needs %d: give it an empty database or another centre name", ErrSchema, found, Schema)
}
