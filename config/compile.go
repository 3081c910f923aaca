package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/spillway-voice/spillway/incident"
)

// versionDigits is how long a snapshot's version is: enough that two saves of one centre never share it.
const versionDigits = 12

// compiler turns pairs of files into snapshots. It holds what stays the same for all pairs of one judgement.
type compiler struct {
	dir     string // the configuration folder, absolute
	options Options
	before  *Sources // what held before this save; nil: not known
	strict  bool     // what the world lacks is an error even for a file that did not change
}

func newCompiler(dir string, before *Sources, strict bool, options Options) *compiler {
	if options.Env == nil {
		options.Env = os.LookupEnv
	}
	if options.Now.IsZero() {
		options.Now = time.Now()
	}
	return &compiler{dir: dir, options: options, before: before, strict: strict}
}

// compile returns the snapshot of a pair, or nil, and all that is wrong with it.
func (c *compiler) compile(pair Sources) (*Snapshot, []Mistake) {
	found := &mistakes{}
	centre, incidents := c.decode(pair, found)
	snapshot := &Snapshot{Version: version(pair), Accounts: map[string]Account{}}
	if centre != nil {
		centre.resolve(centre.names, found)
		if len(centre.steps) <= maxSteps {
			centre.loops(found)
		}
		c.accounts(centre, snapshot, found)
		snapshot.Centre, snapshot.Trunks, snapshot.Numbers = centre.centre, centre.trunks, centre.numbers
		snapshot.Conversation, snapshot.Routing = centre.conversation, centre.routing
		snapshot.Conversation.Zone = snapshot.Centre.Zone
	}
	if incidents != nil {
		if centre != nil {
			incidents.resolve(centre.names, found)
		}
		c.ends(incidents, found)
		snapshot.Incidents = incidents.definitions
		snapshot.ends = make(map[string]Place, len(incidents.ends))
		for i, d := range incidents.definitions {
			snapshot.ends[d.Name] = incidents.ends[i]
		}
	}
	if centre != nil && c.options.Prompts != nil {
		prompts := c.options.Prompts(centre.centre)
		centre.play(prompts, found)
		if incidents != nil {
			incidents.play(prompts, found)
		}
	}
	list := c.forgive(pair, found).sorted()
	if refused(list, CentreFile) || refused(list, IncidentsFile) {
		return nil, list
	}
	snapshot.Warnings = list
	return snapshot, list
}

// decode walks both files.
func (c *compiler) decode(pair Sources, found *mistakes) (*centreDraft, *incidentsDraft) {
	var centre *centreDraft
	zone := time.UTC
	if tree := parse(CentreFile, pair.Centre, found); tree != nil {
		centre = decodeCentre(tree, c.dir, found)
		zone = centre.centre.Zone
	}
	var incidents *incidentsDraft
	if tree := parse(IncidentsFile, pair.Incidents, found); tree != nil {
		incidents = decodeIncidents(tree, zone, found)
	}
	return centre, incidents
}

// accounts finds the passwords of the agents. What is wrong with the secret of a range is told once, for the first of its names.
func (c *compiler) accounts(centre *centreDraft, snapshot *Snapshot, found *mistakes) {
	source := secrets{dir: c.dir, env: c.options.Env}
	told := map[Place]int{} // where in wrong the place's mistake is
	var wrong []Mistake
	var more []int
	for _, s := range centre.secrets {
		one := &mistakes{}
		if secret, ok := source.resolve("the secret of "+s.agent, s.text, s.at, one); ok {
			snapshot.Accounts[s.agent] = Account{Secret: secret, SRTP: s.srtp}
		}
		for _, m := range one.list {
			if m.world { // one agent without a password must not keep a centre from its calls
				m.Severity = Warning
				m.Text += "; until it is, nobody can sign in as " + s.agent
			}
			if i, known := told[s.at]; known {
				more[i]++
				continue
			}
			told[s.at] = len(wrong)
			wrong, more = append(wrong, m), append(more, 0)
		}
	}
	for i, m := range wrong {
		if more[i] > 0 {
			m.Text += fmt.Sprintf(" (and so for %d more of the range)", more[i])
		}
		found.put(m)
	}
}

// forgive turns what the world lacks into warnings for a file that did not change: a recording that was deleted must not
// stand in the way of a toggle.
func (c *compiler) forgive(pair Sources, found *mistakes) *mistakes {
	if c.before == nil || c.strict {
		return found
	}
	same := map[string]bool{
		CentreFile:    bytes.Equal(pair.Centre, c.before.Centre),
		IncidentsFile: bytes.Equal(pair.Incidents, c.before.Incidents),
	}
	for i := range found.list {
		if one := &found.list[i]; one.world && same[one.File] {
			one.Severity = Warning
		}
	}
	return found
}

// ends finds incidents that are on although their end has passed. Switching one on like that is a mistake; one that
// nobody touched since has simply ended.
func (c *compiler) ends(draft *incidentsDraft, found *mistakes) {
	memory := c.remembered()
	for i, d := range draft.definitions {
		if d.Schedule != nil && !d.Schedule.Until.IsZero() && !d.Schedule.Until.After(c.options.Now) {
			found.warn(draft.ends[i], "incident %s has ended; its schedule is over", quote(d.Name))
			continue
		}
		if !d.Active || d.Until.IsZero() || d.Until.After(c.options.Now) {
			continue
		}
		was, known := memory[d.Name]
		untouched := known && was.Active && was.Schedule == nil && was.Until.Equal(d.Until)
		if untouched || memory == nil && c.options.Starting {
			found.warn(draft.ends[i], "incident %s has ended; its end has passed", quote(d.Name))
			continue
		}
		found.add(draft.ends[i], "incident %s is switched on with an end in the past; write one that is still to come", quote(d.Name))
	}
}

// remembered returns the incidents as they held before this save, by name; nil when that is not known.
func (c *compiler) remembered() map[string]incident.Definition {
	if c.before == nil {
		return nil
	}
	_, draft := (&compiler{dir: c.dir}).decode(*c.before, &mistakes{})
	if draft == nil {
		return nil
	}
	all := make(map[string]incident.Definition, len(draft.definitions))
	for _, d := range draft.definitions {
		all[d.Name] = d
	}
	return all
}

// version is the digest of a pair.
func version(pair Sources) string {
	digest := sha256.New()
	for _, source := range [][]byte{pair.Centre, pair.Incidents} {
		sum := sha256.Sum256(source)
		digest.Write(sum[:])
	}
	return hex.EncodeToString(digest.Sum(nil))[:versionDigits]
}
