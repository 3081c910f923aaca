package app

import "sync"

// stack is what has been opened, closed in the reverse order. Closing twice is harmless.
type stack struct {
	mu     sync.Mutex
	opened []opened
}

type opened struct {
	name  string
	close func()
}

func (s *stack) push(name string, close func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, opened{name, close})
}

func (s *stack) close() {
	for {
		s.mu.Lock()
		n := len(s.opened)
		if n == 0 {
			s.mu.Unlock()
			return
		}
		top := s.opened[n-1]
		s.opened = s.opened[:n-1]
		s.mu.Unlock()
		top.close()
	}
}
