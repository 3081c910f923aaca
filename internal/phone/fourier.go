package phone

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// transform is the discrete Fourier transform in place, radix 2, decimation in time. len(x) must be a power of two.
func transform(x []complex128) {
	n := len(x)
	shift := 64 - bits.Len(uint(n-1))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); n > 1 && i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	turns := make([]complex128, n/2)
	for i := range turns {
		turns[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(n))
	}
	for size := 2; size <= n; size *= 2 {
		half, stride := size/2, n/size
		for start := 0; start < n; start += size {
			for k := range half {
				a, b := x[start+k], x[start+k+half]*turns[k*stride]
				x[start+k], x[start+k+half] = a+b, a-b
			}
		}
	}
}

// crossCorrelation returns sum over i of heard[i+lag]*reference[i] for every lag from -(len(reference)-1) to
// len(heard)-1; the value for a lag is at index lag+len(reference)-1. It costs O(n log n).
func crossCorrelation(heard, reference []int16) []float64 {
	lags := len(heard) + len(reference) - 1
	n := 1
	for n < lags {
		n *= 2
	}
	// Two real signals share one transform: heard as the real part, the reference as the imaginary part.
	z := make([]complex128, n)
	for i, s := range heard {
		z[i] = complex(float64(s), 0)
	}
	for i, s := range reference {
		z[i] += complex(0, float64(s))
	}
	transform(z)
	product := make([]complex128, n)
	for k := range z {
		mirror := cmplx.Conj(z[(n-k)%n])
		h, r := (z[k]+mirror)/2, (z[k]-mirror)/2i
		product[k] = cmplx.Conj(h * cmplx.Conj(r)) // conjugated: the inverse is a forward transform of the conjugate
	}
	transform(product)
	c := make([]float64, lags)
	for i := range c {
		lag := i - (len(reference) - 1)
		c[i] = real(product[(lag+n)%n]) / float64(n)
	}
	return c
}
