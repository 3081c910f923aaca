package sip

import "sync"

// An input is something that happens to a dialog; it runs on the goroutine that owns the dialog.
type input func(*dialog)

// mailbox holds the inputs of a dialog in order. What comes from the network is bounded; what the program itself
// asks for is not refused, so that a hang-up is never lost. Its lock is never held while an input runs.
type mailbox struct {
	mu     sync.Mutex
	queue  []input
	closed bool
	wake   chan struct{} // holds one token while there is something to do
}

// maxInputs is how many messages from the network may wait. The owner never blocks, so more means an attack.
const maxInputs = 64

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// offer leaves an input from the network, or returns false when the dialog is over or has too much to do.
func (m *mailbox) offer(in input) bool { return m.put(in, maxInputs) }

// post leaves an input of our own, or returns false when the dialog is over.
func (m *mailbox) post(in input) bool { return m.put(in, 0) }

func (m *mailbox) put(in input, limit int) bool {
	m.mu.Lock()
	if m.closed || limit > 0 && len(m.queue) >= limit {
		m.mu.Unlock()
		return false
	}
	m.queue = append(m.queue, in)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return true
}

// next takes the first input, nil when there is none. One at a time: if an input panics, the others are not lost.
func (m *mailbox) next() input {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		return nil
	}
	in := m.queue[0]
	m.queue[0] = nil
	m.queue = m.queue[1:]
	return in
}

// close refuses what comes from now on, and returns what was still waiting.
func (m *mailbox) close() []input {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	all := m.queue
	m.queue = nil
	return all
}
