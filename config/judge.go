package config

// Verdict is what holds after a save.
type Verdict struct {
	Snapshot *Snapshot // nil when nothing good is known at all
	Sources  *Sources  // the text of Snapshot
	Mistakes []Mistake // what is wrong with the files as they were saved, and warnings
}

// Judge says what holds after a save, given what held before (nil: nothing yet) and the files as they are now. It changes
// nothing: whoever asked publishes the answer, or does not.
//
// Both files are tried together; failing that, each alone against the other one in force, the incidents first: a broken
// centre.yaml does not stop a toggle, and a centre.yaml that takes away what an incident refers to is refused. dir is the
// configuration folder, absolute.
func Judge(dir string, current *Sources, saved Sources, options Options) Verdict {
	return newCompiler(dir, current, false, options).judge(current, saved)
}

func (c *compiler) judge(current *Sources, saved Sources) Verdict {
	snapshot, found := c.compile(saved)
	if snapshot != nil {
		return Verdict{Snapshot: snapshot, Sources: &saved, Mistakes: found}
	}
	if current == nil {
		return Verdict{Mistakes: found}
	}
	holds, wrong := *current, &mistakes{}
	if snapshot, found = c.compile(Sources{Centre: holds.Centre, Incidents: saved.Incidents}); snapshot != nil {
		holds.Incidents = saved.Incidents
	} else {
		wrong.list = of(found, IncidentsFile)
	}
	withCentre, found := c.compile(Sources{Centre: saved.Centre, Incidents: holds.Incidents})
	wrong.list = append(wrong.list, found...)
	if withCentre != nil {
		snapshot, holds.Centre = withCentre, saved.Centre
	}
	if snapshot == nil {
		snapshot, found = c.compile(holds)
		if snapshot == nil { // what held cannot be built again: neither the files nor what we remember will do
			wrong.list = append(wrong.list, found...)
			return Verdict{Mistakes: wrong.sorted()}
		}
	}
	return Verdict{Snapshot: snapshot, Sources: &holds, Mistakes: wrong.sorted()}
}

// of returns the mistakes of one file.
func of(list []Mistake, file string) []Mistake {
	var some []Mistake
	for _, m := range list {
		if m.File == file {
			some = append(some, m)
		}
	}
	return some
}
