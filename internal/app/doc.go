// Package app is the wiring of a node and its lifecycle: it reads the configuration, opens the rooms and joins them, and closes
// them again in the reverse order. An App has no globals, so two can run in one process.
//
// It holds three owners that belong to no room: the centre (the plan in force and the board of incidents, centre.go), the front
// (who dialled what, and which phones an agent has, front.go) and the figures (what the store's events add up to, figures.go).
// It is not for rules: those are the rooms' own.
package app
