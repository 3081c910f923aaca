package playback

// queue is decoded sound: what was played of late, and behind it what is to be played.
type queue struct {
	pcm        []int16
	head, tail int // of what is to be played
	history    int // samples that are kept of what was played
}

// In a queue there are 50 ms of history, for the search of periods, and up to 250 ms ahead; the rest saves copying.
func newQueue(rate int) *queue {
	q := &queue{pcm: make([]int16, rate/2), history: rate / 20}
	q.head, q.tail = q.history, q.history
	return q
}

// length returns how many samples are to be played.
func (q *queue) length() int { return q.tail - q.head }

// ahead returns what is to be played.
func (q *queue) ahead() []int16 { return q.pcm[q.head:q.tail] }

// newest returns the newest samples, played or not, as much of them as there is history.
func (q *queue) newest() []int16 { return q.pcm[q.tail-q.history : q.tail] }

// extend makes room for n more samples and returns it.
func (q *queue) extend(n int) []int16 {
	if q.tail+n > len(q.pcm) {
		from := q.head - q.history
		copy(q.pcm, q.pcm[from:q.tail])
		q.head, q.tail = q.head-from, q.tail-from
	}
	q.tail += n
	return q.pcm[q.tail-n : q.tail]
}

// free returns how many samples extend may be asked for.
func (q *queue) free() int { return len(q.pcm) - q.history - q.length() }

// read takes samples off the queue, which has them.
func (q *queue) read(dst []int16) {
	copy(dst, q.pcm[q.head:q.tail])
	q.head = min(q.head+len(dst), q.tail)
}
