// Package resample changes the sampling rate of linear sound: of whole recordings when they are loaded, and of a running
// stream where two legs of a bridge differ.
//
// Both go through one low-pass filter, a windowed sinc (Kaiser, Oppenheim and Schafer, Discrete-Time Signal Processing,
// section 7.6) that is sampled for each of the places an output sample can have between two input samples, so only what
// comes out is computed. Of the lower of the two rates it passes seven eighths of the band (3.5 kHz of 8 kHz sound)
// within 0.1 dB, and everything from the end of that band on is 70 dB down: nothing folds back and no image is heard.
//
// It is not for codecs, levels or files. It knows no time but the number of samples.
package resample
