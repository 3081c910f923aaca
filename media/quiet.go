package media

import "time"

// quiet notices that a far end has gone quiet. It is derived from times, so nothing has to be armed or cleared. It is
// owned by the session's playout goroutine. Times are since the clock's epoch.
type quiet struct {
	timeout  time.Duration
	since    time.Duration // the far end was not expected to speak before
	reported time.Duration // when it was last found quiet; 0: never
	looked   time.Duration // when anybody looked last; 0: never
}

// asleep is how long nobody looks only when this process did not run, as between SIGSTOP and SIGCONT: sessions are looked at with each frame.
const asleep = time.Second

// look notes that somebody looks now. A far end is not blamed for a silence that nobody listened to.
func (q *quiet) look(now time.Duration) {
	if q.looked > 0 && now-q.looked >= asleep {
		q.since = now
	}
	q.looked = now
}

// check returns true when the far end has been quiet for the timeout, and again after each further one: whoever is told may
// ask it whether it is still there, and must ask again. heard is when it was last heard, 0 for never: it is the first
// packet that arms the watch. expected is false while the far end is on hold.
func (q *quiet) check(now, heard time.Duration, expected bool) bool {
	if heard == 0 || q.timeout <= 0 {
		return false
	}
	if !expected {
		q.since, q.reported = now, 0
		return false
	}
	if now-max(heard, q.since, q.reported) < q.timeout {
		return false
	}
	q.reported = now
	return true
}
