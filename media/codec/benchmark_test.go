package codec

import "testing"

// BenchmarkEncode is what a frame of 20 ms of speech-like sound costs to encode, and a sample of it.
func BenchmarkEncode(b *testing.B) {
	for _, c := range built() {
		b.Run(c.String(), func(b *testing.B) {
			encoder, frame, buffer := c.NewEncoder(), benchmarkFrame(c), make([]byte, c.FrameBytes())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encoder.Encode(buffer, frame); err != nil {
					b.Fatal(err)
				}
			}
			perSample(b, len(frame))
		})
	}
}

// BenchmarkDecode is what a frame of 20 ms costs to decode, and a sample of it.
func BenchmarkDecode(b *testing.B) {
	for _, c := range built() {
		b.Run(c.String(), func(b *testing.B) {
			decoder, frame := c.NewDecoder(), benchmarkFrame(c)
			payload, err := c.NewEncoder().Encode(make([]byte, c.FrameBytes()), frame)
			if err != nil {
				b.Fatal(err)
			}
			heard := make([]int16, len(frame))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decoder.Decode(heard, payload); err != nil {
					b.Fatal(err)
				}
			}
			perSample(b, len(frame))
		})
	}
}

// benchmarkFrame is 20 ms of two tones in some noise.
func benchmarkFrame(c Codec) []int16 {
	rate, samples := c.SampleRate(), c.SampleRate()/50
	frame, other, hiss := tone(rate, 300, samples), tone(rate, 2100, samples), noise(samples)
	for i := range frame {
		frame[i] = frame[i]/2 + other[i]/4 + hiss[i]/16
	}
	return frame
}

// perSample reports the cost of a sample.
func perSample(b *testing.B, samples int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(samples), "ns/sample")
}
