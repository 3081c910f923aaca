package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lastGoodFile is the name of the last good pair in node.data. It is one file, so that the pair is never half old.
const lastGoodFile = "last-good.json"

// maxLastGood bounds the copy: two files of 1 MiB, escaped at worst to six characters for each byte.
const maxLastGood = 2*6*MaxFileBytes + 1024

// lastGood is the pair as it is kept.
type lastGood struct {
	Version   string `json:"version"` // digest of both: a damaged copy is no copy
	Centre    string `json:"centre"`
	Incidents string `json:"incidents"`
}

// SaveLastGood keeps a good pair in node.data for a start at which the files are not. The files may hold secrets, so the
// copy is readable by its owner only. It replaces the earlier copy in one step.
func SaveLastGood(data string, pair Sources) error {
	content, err := json.Marshal(lastGood{version(pair), string(pair.Centre), string(pair.Incidents)})
	if err != nil {
		return fmt.Errorf("last good configuration: %w", err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("last good configuration: %w", err)
	}
	f, err := os.CreateTemp(data, lastGoodFile+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("last good configuration: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		// The point of no return: after the rename the new copy holds.
		err = os.Rename(f.Name(), filepath.Join(data, lastGoodFile))
	}
	if err != nil {
		return fmt.Errorf("last good configuration: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// LoadLastGood returns the pair that SaveLastGood kept. The error wraps fs.ErrNotExist when there is none.
func LoadLastGood(data string) (*Sources, error) {
	path := filepath.Join(data, lastGoodFile)
	content, err := readUpTo(path, maxLastGood)
	if err != nil {
		return nil, fmt.Errorf("last good configuration: %w", err)
	}
	var kept lastGood
	if err := json.Unmarshal(content, &kept); err != nil {
		return nil, fmt.Errorf("last good configuration: %s is damaged", path)
	}
	pair := &Sources{Centre: []byte(kept.Centre), Incidents: []byte(kept.Incidents)}
	if version(*pair) != kept.Version {
		return nil, fmt.Errorf("last good configuration: %s is damaged", path)
	}
	return pair, nil
}
