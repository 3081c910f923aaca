package store

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// nameLimit is how long a name may be that becomes part of a key or a field, in bytes: what is configured has 64, and an owner is a
// node with its boot.
const nameLimit = 256

// checkName checks that a text can name something in the store: another program may have written it.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is missing")
	case len(name) > nameLimit:
		return fmt.Errorf("a name of %d bytes; %d are allowed", len(name), nameLimit)
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return errors.New("a name is not text")
	}
	return nil
}
