#!/bin/sh
# Makes the recordings of the sample centre: centre/prompts/*.wav, 8 kHz, mono, 16 bit.
# Needs espeak-ng (speech) and sox (the rest). Nothing in the build runs it: the results are kept beside it, so run it only
# after changing a sentence below, and keep what it made. What the centre does not record itself is built in.
set -eu
cd "$(dirname "$0")"
mkdir -p centre/prompts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say NAME SENTENCE: one spoken prompt, at the level of the built-in ones, without the silence that espeak-ng leaves around it.
say() {
	espeak-ng -v en-gb -s 150 -p 40 -g 2 -w "$work/say.wav" "$2"
	sox "$work/say.wav" "$work/cut.wav" silence 1 0.01 0.3% reverse silence 1 0.01 0.3% reverse
	sox "$work/cut.wav" -r 8000 -c 1 -b 16 "centre/prompts/$1.wav" \
		highpass 120 gain -n -6 fade t 0.005 -0 0.01 pad 0 0.25
}

say welcome "Welcome to Kettle."
say choose "For orders press 1, for billing press 2, for anything else press 0."
say closed "Kettle is closed now. Please call again on a weekday, from nine to half past five."
say kettle-recall "We are recalling the K 200 kettle. Please stop using it and unplug it. You will get your money back."
