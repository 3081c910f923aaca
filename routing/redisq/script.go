package redisq

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
)

//go:embed script
var folder embed.FS

// The steps of the queue.
var (
	enter     = step("enter")
	leave     = step("leave")
	spill     = step("spill")
	open      = step("open")
	claim     = step("claim")
	accept    = step("accept")
	release   = step("release")
	finish    = step("finish")
	hold      = step("agents", "hold")
	register  = step("agents", "register")
	recall    = step("agents", "recall")
	seat      = step("seat")
	pause     = step("pause")
	resume    = step("resume")
	outside   = step("agents", "outside")
	heartbeat = step("heartbeat")
	part      = step("part")
	reap      = step("agents", "reap")
	snapshot  = step("snapshot")
)

// step makes the script of a step: the terms, what all steps share, and its own files. A function costs time each time that a script runs, so what
// few steps share is a file of its own.
func step(names ...string) *store.Script {
	text := terms() + read("queue")
	for _, name := range names {
		text += read(name)
	}
	return store.NewScript(
		text,
		store.KeyCallers, store.KeyAgents, store.KeyQueues, store.KeyWaiting,
		store.KeySeats, store.KeyClaims, store.KeyLeases, store.KeyOwned,
		store.KeyLost, store.KeyLostSince,
	)
}

// read returns the text of a file of the folder.
func read(name string) string {
	text, err := folder.ReadFile("script/" + name + ".lua")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return string(text)
}

// missesTold is how many misses in a row the terms tell of; the back-off no longer grows then.
const missesTold = 16

// terms says in Lua (term_of) what each outcome of an offer means, as routing has it: by the number of misses in a row, how long the agent is not
// offered anybody and whether he is paused; how long the caller is not offered to him again; which outcomes count as one run. It is a function,
// as most steps need none of it.
func terms() string {
	var b strings.Builder
	fmt.Fprintf(&b, "local withdrawn, unreachable, node_lost, pause_reason = %q, %q, %q, %q\nlocal function term_of(outcome)\n",
		routing.Withdrawn, routing.Unreachable, routing.LeftNodeLost, routing.PausedNoAnswer)
	outcomes := []routing.Outcome{
		routing.Busy, routing.Refused, routing.NoAnswer, routing.Unreachable, routing.Withdrawn, routing.Failed,
	}
	for _, o := range outcomes {
		fmt.Fprintf(&b, "  if outcome == %q then return %s end\n", o, term(o, outcomes))
	}
	b.WriteString("  return {wait = {0}, pause = {false}, alike = {[outcome] = true}, refusal = 0}\nend\n")
	return b.String()
}

// term says what one outcome means.
func term(o routing.Outcome, all []routing.Outcome) string {
	now := time.Unix(0, 0)
	waits, pauses := make([]string, missesTold), make([]string, missesTold)
	for i := range missesTold {
		after := (&routing.AgentState{Misses: i, Cause: o}).Released(o, now)
		waits[i] = fmt.Sprint(max(0, after.NotBefore.Sub(now)).Microseconds())
		pauses[i] = fmt.Sprint(!after.Paused.IsZero())
	}
	var alike []string
	for _, before := range all {
		if (&routing.AgentState{Misses: 1, Cause: before}).Released(o, now).Misses == 2 {
			alike = append(alike, fmt.Sprintf("[%q] = true", before))
		}
	}
	caller := (&routing.Caller{}).Released("agent", o, now)
	var refusal time.Duration
	for _, until := range slices.Collect(maps.Values(caller.Refused)) {
		refusal = until.Sub(now)
	}
	free := (&routing.AgentState{}).Released(o, now).Misses == 0
	return fmt.Sprintf("{free = %t, wait = {%s}, pause = {%s}, alike = {%s}, refusal = %d, missed = %t}",
		free, strings.Join(waits, ", "), strings.Join(pauses, ", "), strings.Join(alike, ", "), refusal.Microseconds(), len(caller.Missed) > 0)
}
