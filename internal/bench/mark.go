package main

// A packet of the generator tells whose it is and which, in the lowest bits of its sound: one bit of each of the first bytes, which
// is far below the tone. So it is known again on the other side of a bridge, whatever headers it has there, as long as the sound is
// passed on as it is or decoded and encoded again by the same law.
const (
	markWord = 0xb35d        // begins every mark: sound that is not ours has it by chance once in 65536
	markSize = 3 * 16        // bytes that carry it: the word, the stream, the packet's number
	markPart = markSize - 16 // where the number begins
	lowBit   = byte(1)
)

// putMark writes a mark into a payload.
func putMark(payload []byte, stream, number uint16) {
	putBits(payload, markWord)
	putBits(payload[16:], stream)
	putNumber(payload, number)
}

// putNumber writes the number of a packet alone: the rest of the mark is the same in every packet of a stream.
func putNumber(payload []byte, number uint16) { putBits(payload[markPart:], number) }

func putBits(payload []byte, word uint16) {
	for i := range 16 {
		payload[i] = payload[i]&^lowBit | byte(word>>i)&lowBit
	}
}

// readMark returns whose packet it is, and its number; false when it is none of the generator's.
func readMark(payload []byte) (stream, number uint16, ok bool) {
	if len(payload) < markSize || getBits(payload) != markWord {
		return 0, 0, false
	}
	return getBits(payload[16:]), getBits(payload[markPart:]), true
}

func getBits(payload []byte) (word uint16) {
	for i := range 16 {
		word |= uint16(payload[i]&lowBit) << i
	}
	return word
}
