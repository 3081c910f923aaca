package config

import "regexp"

// Prompts is what config must know of sound. A Prompts is asked from one goroutine.
type Prompts interface {
	// Check says why the recording of that name, the centre's or a built-in one, cannot be played, or nil. The name has
	// the form of PromptName already.
	Check(name string) error
}

// promptPattern is the form of a prompt's name: below the prompts folder, nowhere else.
var promptPattern = regexp.MustCompile(`^([a-z0-9_-]+/)*[a-z0-9_-]+\.wav$`)

// maxPromptName is how long the name of a prompt may be, in characters.
const maxPromptName = 200

// PromptName reports whether a text may be the name of a prompt.
func PromptName(text string) bool {
	return len(text) <= maxPromptName && promptPattern.MatchString(text)
}

const promptAllowed = "small letters, digits, - and _, with / between folders, ending in .wav"

// prompt notes that a recording is needed, and returns its name; a text that is no name of one is a mistake.
func (o object) prompt(name string, n *names) string {
	text, ok := o.text(name)
	if !ok {
		return ""
	}
	at := o.at(name)
	if !PromptName(text) {
		o.found.add(at, "%s is no name of a prompt; allowed are %s", quote(text), promptAllowed)
		return ""
	}
	n.prompts = append(n.prompts, use{name: text, at: at})
	return text
}

// play asks for every recording once, and notes those that cannot be played where they are first named.
func (n *names) play(prompts Prompts, found *mistakes) {
	asked := map[string]bool{}
	for _, p := range n.prompts {
		if asked[p.name] {
			continue
		}
		asked[p.name] = true
		if err := prompts.Check(p.name); err != nil {
			found.lack(p.at, "prompt %s cannot be played: %v", quote(p.name), err)
		}
	}
}
