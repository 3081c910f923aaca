#!/bin/sh
# Makes the built-in English prompts: en/*.wav, 8 kHz, mono, 16 bit.
# Needs espeak-ng (speech) and sox (everything else). Nothing in the build runs it: the results are kept beside it,
# so run it only after changing a sentence below, and keep what it made.
set -eu
cd "$(dirname "$0")"
mkdir -p en
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say NAME SENTENCE: one spoken prompt; the silence that espeak-ng leaves around it is cut, so that parts join well.
say() {
	espeak-ng -v en-gb -s 150 -p 45 -g 2 -w "$work/say.wav" "$2"
	sox "$work/say.wav" "$work/cut.wav" silence 1 0.01 0.3% reverse silence 1 0.01 0.3% reverse
	sox "$work/cut.wav" -r 8000 -c 1 -b 16 "en/$1.wav" \
		highpass 120 gain -n -6 fade t 0.005 -0 0.01 pad 0 "${3:-0.25}"
}

# part NAME SENTENCE: a piece of a spoken sentence, with hardly a pause behind it.
part() { say "$1" "$2" 0.06; }

say welcome "Welcome. Thank you for calling."
say closed "We are closed at the moment. Please call again during our office hours."
say sorry "We are sorry. We cannot take your call now. Please try again later."
say not-understood "Sorry, I did not understand that."
say apology "We are sorry. We cannot put you through now. Please call again later."
say please-hold "Please hold the line. The next free agent will take your call."
say returning "We are sorry, the agent's phone was lost. You are first in line."
say draining "We are sorry, we have to end this call. Please call again in a few minutes."
say all-agents-busy "All of our agents are busy at the moment. Please stay on the line."
say paused "You are paused. You will get no calls."
say resumed "You are ready. You will get calls again."
say position-next "You are next in the queue."
say position-many "More than fifty callers are before you."
part position-number "You are number"
say position-queue "in the queue."

i=0
for word in zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
	seventeen eighteen nineteen; do
	part "number-$i" "$word"
	i=$((i + 1))
done
i=20
for word in twenty thirty forty fifty sixty seventy eighty ninety; do
	part "number-$i" "$word"
	i=$((i + 10))
done
part number-hundred hundred
part number-thousand thousand
part number-and and

sox -q -n -r 8000 -c 1 -b 16 en/beep.wav synth 0.25 sine 1000 gain -12 fade t 0.01 -0 0.01

# hold.wav: eight bars of plucked strings, three seconds each. Each bar is cut to an exact number of samples and fades
# out, so the loop has no seam; the level stays about 20 dB under full scale.
bar=0
chord() {
	bar=$((bar + 1))
	sox -q -n -r 8000 -c 1 "$work/n1.wav" synth 3 pluck "$1"
	sox -q -n -r 8000 -c 1 "$work/n2.wav" synth 2.625 pluck "$2" pad 0.375 0
	sox -q -n -r 8000 -c 1 "$work/n3.wav" synth 2.25 pluck "$3" pad 0.75 0
	sox -q -n -r 8000 -c 1 "$work/n4.wav" synth 1.875 pluck "$4" pad 1.125 0
	sox -q -n -r 8000 -c 1 "$work/n5.wav" synth 1.5 pluck "$3" pad 1.5 0
	sox -q -n -r 8000 -c 1 "$work/n6.wav" synth 1.125 pluck "$2" pad 1.875 0
	sox -q -m "$work/n1.wav" "$work/n2.wav" "$work/n3.wav" "$work/n4.wav" "$work/n5.wav" "$work/n6.wav" \
		"$work/bar$bar.wav" trim 0 3 fade t 0.005 -0 0.25
}
chord C3 G3 C4 E4
chord A2 E3 A3 C4
chord F2 C3 F3 A3
chord G2 D3 G3 B3
chord C3 G3 C4 E4
chord E3 B3 E4 G4
chord F2 C3 F3 A3
chord G2 D3 G3 B3
sox -q "$work"/bar1.wav "$work"/bar2.wav "$work"/bar3.wav "$work"/bar4.wav \
	"$work"/bar5.wav "$work"/bar6.wav "$work"/bar7.wav "$work"/bar8.wav \
	-r 8000 -c 1 -b 16 en/hold.wav lowpass 2600 norm -11
