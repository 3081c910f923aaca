package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// secretWarnBelow is how many characters a secret that is written out in the file should have at least.
const secretWarnBelow = 12

// maxSecretBytes bounds a secret's file: a password is one line.
const maxSecretBytes = 4096

// secrets finds the passwords that the files name.
type secrets struct {
	dir string
	env func(string) (string, bool)
}

// resolve returns the password that a text stands for: env:NAME, file:PATH (one line; a relative path is from the
// configuration folder and stays below it; an absolute one is allowed, as mounted secrets have one), or the text itself.
// The result is false when there is none, which was noted; no message holds the password.
func (s secrets) resolve(label string, text string, at Place, found *mistakes) (Secret, bool) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		return s.fromEnv(label, name, at, found)
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		return s.fromFile(label, path, at, found)
	}
	switch {
	case text == "":
		found.add(at, "%s is empty; write env:NAME, file:PATH or text", label)
		return Secret{}, false
	case strings.ContainsAny(text, "\r\n"):
		found.add(at, "%s has more than one line", label)
		return Secret{}, false
	case len([]rune(text)) < secretWarnBelow:
		found.warn(at, "%s has fewer than %d characters; a longer one, or env:NAME, is safer", label, secretWarnBelow)
	}
	return NewSecret(text), true
}

func (s secrets) fromEnv(label, name string, at Place, found *mistakes) (Secret, bool) {
	if !envName(name) {
		found.add(at, "%s: env: is followed by the name of an environment variable, like env:ALICE_SECRET", label)
		return Secret{}, false
	}
	text, ok := s.env(name)
	if !ok || text == "" {
		found.lack(at, "%s: the environment variable %s is not set", label, name)
		return Secret{}, false
	}
	return NewSecret(text), true
}

// envName reports whether a text may be the name of an environment variable.
func envName(text string) bool {
	for i, r := range text {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != ""
}

func (s secrets) fromFile(label, path string, at Place, found *mistakes) (Secret, bool) {
	full := path
	if !filepath.IsAbs(path) {
		if !filepath.IsLocal(path) {
			found.add(at, "%s: file: is followed by a path below the configuration folder, or an absolute one", label)
			return Secret{}, false
		}
		full = filepath.Join(s.dir, path)
	}
	text, err := readLine(full)
	if err != nil {
		found.lack(at, "%s: %s: %v", label, path, err)
		return Secret{}, false
	}
	return NewSecret(text), true
}

// readLine returns the one line of a file. Errors do not hold the path, nor the content.
func readLine(path string) (string, error) {
	content, err := readUpTo(path, maxSecretBytes+1)
	if err != nil {
		return "", err
	}
	if len(content) > maxSecretBytes {
		return "", fmt.Errorf("the file is larger than %d bytes", maxSecretBytes)
	}
	line := strings.TrimRight(string(content), "\r\n")
	switch {
	case line == "":
		return "", fmt.Errorf("the file is empty")
	case strings.ContainsAny(line, "\r\n"):
		return "", fmt.Errorf("the file has more than one line")
	}
	return line, nil
}
