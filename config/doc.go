// Package config turns the three files of a centre into values that the rest of the house can trust: spillway.yaml into a
// Node, centre.yaml and incidents.yaml into one immutable Snapshot.
//
// A file goes through the same stages whoever asks (`spillway check`, the start, config/watch): parse the YAML with its
// positions (YAML 1.2 without anchors, aliases, merge keys, tags and second documents), walk it against the table of keys
// that docs/reference.md shows, compile into the words of ivr, routing and incident, and check the references between the
// files. All mistakes are collected, each with its place. Judge says which pair of centre.yaml and incidents.yaml holds
// after a save; until it answers, nothing has changed.
//
// It is before the path of a call: a call asks the Snapshot what its dialled number starts. It is not for watching files
// (config/watch), for deciding which incident is active (incident), or for the sound behind a prompt's name (media): what
// it must know of that it asks through Prompts.
package config
