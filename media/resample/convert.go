package resample

// A Converter changes the rate of a whole recording that comes in parts, so that a long one need not be in memory twice.
// Sound before the beginning and after the end counts as silence, and nothing is delayed. It belongs to one goroutine.
type Converter struct {
	stages []*stage // none: the rates are equal
}

// stage is one filter of a conversion.
type stage struct {
	*Resampler
	in, out int     // samples so far
	room    []int16 // what it gives to the next stage
	silence []int16 // what follows the end
}

// NewConverter returns a converter from one rate to another, in Hz; it fails as NewResampler does. A rate that is four
// times the other or more comes down in two steps, of which the first needs but a short filter.
func NewConverter(from, to int) (*Converter, error) {
	if err := check(from, to); err != nil {
		return nil, err
	}
	c := &Converter{}
	if from == to {
		return c, nil
	}
	if from >= 4*to {
		c.stages = append(c.stages, newStage(newFilter(from, 2*to, coarse)))
		from = 2 * to
	}
	c.stages = append(c.stages, newStage(filterFor(from, to)))
	return c, nil
}

func newStage(f *filter) *stage {
	s := &stage{Resampler: newResampler(f), silence: make([]int16, f.half+1)}
	s.next = f.half * f.up // the first output is for the first input: without the delay
	return s
}

// Write appends to dst what can be told of src already, and returns it as append does.
func (c *Converter) Write(dst, src []int16) []int16 { return convert(c.stages, dst, src) }

// End appends what is still to come, and returns it as append does; a second becomes as many samples as the rate says.
func (c *Converter) End(dst []int16) []int16 {
	for i, s := range c.stages {
		rest := s.rest()
		if i == len(c.stages)-1 {
			return append(dst, rest...)
		}
		dst = convert(c.stages[i+1:], dst, rest)
	}
	return dst
}

// convert hands sound from stage to stage.
func convert(stages []*stage, dst, src []int16) []int16 {
	for i, s := range stages {
		if i == len(stages)-1 {
			return s.write(dst, src)
		}
		s.room = s.write(s.room[:0], src)
		src = s.room
	}
	return append(dst, src...)
}

func (s *stage) write(dst, src []int16) []int16 {
	before := len(dst)
	dst = s.Process(dst, src)
	s.in, s.out = s.in+len(src), s.out+len(dst)-before
	return dst
}

// rest returns what follows once silence comes in, to the length that the whole has.
func (s *stage) rest() []int16 {
	missing := int(int64(s.in)*int64(s.filter.up)/int64(s.filter.down)) - s.out
	rest := s.Process(nil, s.silence)
	return rest[:max(0, min(missing, len(rest)))]
}

// Convert returns a whole recording at another rate, in Hz; it fails as NewResampler does. With equal rates it returns
// pcm itself.
func Convert(pcm []int16, from, to int) ([]int16, error) {
	c, err := NewConverter(from, to)
	if err != nil || from == to {
		return pcm, err
	}
	return c.End(c.Write(make([]int16, 0, int(int64(len(pcm))*int64(to)/int64(from))+1), pcm)), nil
}
