// Package sample is the centre of the README and of the demo: a shop for kettles with three departments, four agents, twenty
// reserves and one recall that waits to be switched on. It is embedded, so that a program alone can lay it out.
//
// Write lays the centre out in a folder; Switch flips its recall in the file, as a duty officer does with an editor. The
// package reads nothing back: that is config's part. The recordings are made by prompts.sh.
package sample

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spillway-voice/spillway/config"
)

//go:embed centre
var embedded embed.FS

// Names of the sample that the demo and the tests speak of.
const (
	Recall        = "kettle-recall"     // the incident
	RecallMessage = "kettle-recall.wav" // its message
	MainNumber    = "+61280000001"      // starts the menu
	BillingNumber = "+61280000002"      // goes to billing at once
)

// Reserves is how many reserve agents the sample has.
const Reserves = 20

// Options is what a copy of the sample has of its own. Zero values leave what the sample's files say.
type Options struct {
	SIP       netip.AddrPort // where the node listens for SIP, over UDP and TCP
	HTTP      netip.AddrPort // where the API listens
	FirstPort int            // the media ports, both ends included; both or none
	LastPort  int
	Gateway   netip.AddrPort // where the carrier takes calls
	// Secrets are the agents' passwords by agent. An agent without one gets a random one, which is in secrets/AGENT.
	Secrets map[string]string
}

// Agents returns the names of the sample's agents in the order of the file.
func Agents() []string {
	names := []string{"alice", "bob", "carol", "dave"}
	for i := range Reserves {
		names = append(names, fmt.Sprintf("reserve-%02d", i+1))
	}
	return names
}

// Files returns the sample as it is embedded: spillway.yaml, centre.yaml, incidents.yaml and prompts/.
func Files() fs.FS {
	files, err := fs.Sub(embedded, "centre")
	if err != nil {
		panic("sample: the embedded folder centre is missing: " + err.Error())
	}
	return files
}

// Write lays the sample out in a folder, which it makes. The files are the embedded ones but for the addresses of the
// options, and the agents' secrets, which stand in files below secrets/ so that they work without any environment variable.
func Write(dir string, options Options) error {
	if err := os.CopyFS(dir, Files()); err != nil {
		return fmt.Errorf("write sample centre: %w", err)
	}
	if err := options.rewrite(dir, config.NodeFile, options.node()); err != nil {
		return err
	}
	if err := options.rewrite(dir, config.CentreFile, options.centre()); err != nil {
		return err
	}
	return options.secrets(filepath.Join(dir, "secrets"))
}

// change is one text of the sample that a copy has otherwise.
type change struct{ from, to string }

// node returns what differs in spillway.yaml.
func (o Options) node() []change {
	var all []change
	if o.SIP.IsValid() {
		all = append(all,
			change{"udp://127.0.0.1:5060", "udp://" + o.SIP.String()}, change{"tcp://127.0.0.1:5060", "tcp://" + o.SIP.String()},
			change{"advertise: 127.0.0.1", "advertise: " + o.SIP.Addr().String()})
	}
	if o.HTTP.IsValid() {
		all = append(all, change{"listen: 127.0.0.1:8080", "listen: " + o.HTTP.String()})
	}
	if o.FirstPort > 0 && o.LastPort > 0 {
		all = append(all, change{"ports: 10000-29999", fmt.Sprintf("ports: %d-%d", o.FirstPort, o.LastPort)})
	}
	return all
}

// centre returns what differs in centre.yaml.
func (o Options) centre() []change {
	var all []change
	for _, name := range []string{"alice", "bob", "carol"} {
		all = append(all, change{"env:" + strings.ToUpper(name) + "_SECRET", "file:secrets/" + name})
	}
	all = append(all, change{"env:RESERVE_[01..20]", "file:secrets/reserve-[01..20]"})
	if o.Gateway.IsValid() {
		all = append(all, change{"sip:127.0.0.1:5066", "sip:" + o.Gateway.String()})
	}
	return all
}

// rewrite changes texts in a file of the copy. A text that is not there is an error: the sample and this package disagree.
func (o Options) rewrite(dir, name string, changes []change) error {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("write sample centre: %w", err)
	}
	for _, c := range changes {
		if !bytes.Contains(text, []byte(c.from)) {
			return fmt.Errorf("write sample centre: %s has no %q to change", name, c.from)
		}
		text = bytes.ReplaceAll(text, []byte(c.from), []byte(c.to))
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write sample centre: %w", err)
	}
	return nil
}

// Edit changes the first of a text in a file of a copy of the sample. A text that is not there is an error.
func Edit(dir, name, from, to string) error {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("edit sample centre: %w", err)
	}
	if !bytes.Contains(text, []byte(from)) {
		return fmt.Errorf("edit sample centre: %s has no %q to change", name, from)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(from), []byte(to), 1), 0o644); err != nil {
		return fmt.Errorf("edit sample centre: %w", err)
	}
	return nil
}

// secrets writes one file for each agent.
func (o Options) secrets(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write sample centre: %w", err)
	}
	for _, name := range Agents() {
		secret := o.Secrets[name]
		if secret == "" {
			secret = rand.Text()
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret+"\n"), 0o600); err != nil {
			return fmt.Errorf("write sample centre: %w", err)
		}
	}
	return nil
}

// The two states of the recall's switch as the sample's file has them.
const (
	switchedOff = "active: false"
	switchedOn  = "active: true"
)

// Switch flips the recall in a copy of the sample: it saves incidents.yaml with the other word, by a new file that takes the
// old one's place, as editors do. It is an error when the switch stands that way already.
func Switch(dir string, on bool) error {
	from, to := switchedOff, switchedOn
	if !on {
		from, to = to, from
	}
	path := filepath.Join(dir, config.IncidentsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("switch %s: %w", Recall, err)
	}
	changed := bytes.Replace(text, []byte(from), []byte(to), 1)
	if bytes.Equal(changed, text) {
		return fmt.Errorf("switch %s: %s has no %q", Recall, path, from)
	}
	if err := os.WriteFile(path+".new", changed, 0o644); err != nil {
		return fmt.Errorf("switch %s: %w", Recall, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("switch %s: %w", Recall, err)
	}
	return nil
}
