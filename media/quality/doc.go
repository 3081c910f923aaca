// Package quality says how good a stream of sound is to whoever hears it, by the E-model (ITU-T G.107, 06/2015): from what was
// measured of the network it computes the transmission rating R and the mean opinion score that belongs to it.
//
// It takes values and returns values: no clock, no packets. What is measured, and where, is the business of package media.
//
// All is rated in the narrow-band context of G.107, with its default values for all that a media server cannot know (loudness,
// room noise, side tone, echo loss), whatever the codec. A codec of a wider band earns nothing for it: a call mostly has a G.711
// leg, through which no more than 3.4 kHz pass, and the figures of all legs can be compared and averaged. So G.107.1 and its scale
// are not used, an L16 or Opus leg without any fault is as good as a G.711 leg without any fault, R is at most 93.2, and MOS at
// most 4.41. The score is MOS-CQE (estimated conversational quality, ITU-T P.800.1), as delay counts.
package quality
