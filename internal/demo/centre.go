package demo

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/sample"
)

// loopback is where everything in the demo listens.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// seats is how many agents the demo's copy lets sign in on an ordinary day: just those of the story, so that a reserve
// agent finds a seat only because the recall adds some.
const seats = 2

// edits are what the demo's copy of the sample has otherwise, so that the day is short and the hour of it does not matter.
var edits = []edit{
	{config.CentreFile, `weekly: {mon-fri: "09:00-12:30, 13:00-17:30", sat: closed}`, `weekly: {mon-sun: "00:00-24:00"}`},
	{config.CentreFile, `dates: {2026-12-25: closed, 2026-12-24: "09:00-12:00"}`, `dates: {}`},
	{config.CentreFile, "seats: 20 ", fmt.Sprintf("seats: %d ", seats)},
	{config.CentreFile, "wrap_up: 10s", "wrap_up: 2s"},
	{config.CentreFile, "support:  {strategy: longest-idle,", "support:  {strategy: longest-idle, wrap_up: 2s,"},
	{config.IncidentsFile, "after_wait: 60s", "after_wait: 3s"},
}

// editsTold says the same to people, line by line.
var editsTold = []string{
	"are the sample centre's. To be short, and to work at any hour, the demo's copy is",
	fmt.Sprintf("open all day, has %d seats and 2s to wrap up; the recall's overflow begins after 3s", seats),
}

// typo is the slip of the duty officer's finger.
var typo = edit{config.IncidentsFile, "active: false", "active: ture"}

// edit is one text in one file that becomes another.
type edit struct{ file, from, to string }

// undone is the edit that takes this one back.
func (e edit) undone() edit { return edit{e.file, e.to, e.from} }

// save makes the edit in a folder, by a new file that takes the old one's place, as editors do.
func (e edit) save(dir string) error {
	path := filepath.Join(dir, e.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("edit %s: %w", e.file, err)
	}
	changed := bytes.Replace(text, []byte(e.from), []byte(e.to), 1)
	if bytes.Equal(changed, text) {
		return fmt.Errorf("edit %s: it has no %q", e.file, e.from)
	}
	if err := os.WriteFile(path+".new", changed, 0o644); err != nil {
		return fmt.Errorf("edit %s: %w", e.file, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("edit %s: %w", e.file, err)
	}
	return nil
}

// layOut writes the demo's copy of the sample and returns the agents' passwords.
func layOut(dir string) (map[string]string, error) {
	secrets := make(map[string]string)
	for _, agent := range sample.Agents() {
		secrets[agent] = strings.ToLower(rand.Text()[:16]) // 80 bits, and a person may have to type it
	}
	free := netip.AddrPortFrom(loopback, 0)
	if err := sample.Write(dir, sample.Options{SIP: free, HTTP: free, Secrets: secrets}); err != nil {
		return nil, err
	}
	for _, e := range edits {
		if err := e.save(dir); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}
