package config

// Secret is a password in memory. It prints as "(secret)" whatever the verb, in JSON and in YAML too, so that no log line,
// error or answer can tell it; Reveal is the one way to the text.
type Secret struct {
	text string
}

// NewSecret wraps a password.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the password itself.
func (s Secret) Reveal() string { return s.text }

// String hides the password.
func (s Secret) String() string { return "(secret)" }

// GoString hides the password.
func (s Secret) GoString() string { return "(secret)" }

// MarshalText hides the password.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }
