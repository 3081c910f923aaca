package srtp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/sdp"
)

// ffmpeg has an implementation of its own of two of the suites. The numbers go round in the middle of what is heard.
const (
	firstNumber = 65500
	tone        = 1000 // Hz
	rate        = 8000 // samples a second, of G.711
	patience    = 30 * time.Second
)

// theirSuites are the suites that ffmpeg speaks.
var theirSuites = []sdp.Suite{sdp.AESCM128HMACSHA80, sdp.AESCM128HMACSHA32}

// ffmpeg returns a command that ends with the test.
func ffmpeg(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatalf("this test needs ffmpeg with its srtp protocol; install it (Debian: apt-get install ffmpeg): %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, path, append([]string{"-nostdin", "-hide_banner", "-loglevel", "error"}, arguments...)...)
}

// encoded returns a key as ffmpeg and descriptions have it.
func encoded(key sdp.Crypto) string {
	master, salt := key.Master()
	return base64.StdEncoding.EncodeToString(append(master, salt...))
}

// socketPair opens an even port on the loopback and the one above it.
func socketPair(t *testing.T) (sound, reports *net.UDPConn) {
	t.Helper()
	for range 100 {
		one, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := one.LocalAddr().(*net.UDPAddr).Port
		other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1})
		if port%2 == 0 && err == nil {
			t.Cleanup(func() { closeAll(t, one, other) })
			return one, other
		}
		closeAll(t, one)
		if err == nil {
			closeAll(t, other)
		}
	}
	t.Fatal("no free pair of ports")
	return nil, nil
}

// closeAll closes sockets that may be closed already.
func closeAll(t *testing.T, sockets ...*net.UDPConn) {
	t.Helper()
	for _, socket := range sockets {
		if err := socket.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

// expand decodes a byte of µ-law (ITU-T G.711 table 2a) to a number of 16 bits.
func expand(b byte) float64 {
	b = ^b
	magnitude := (int(b&0x0F)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		magnitude = -magnitude
	}
	return float64(magnitude)
}

// compress encodes a sample by the byte of µ-law that is nearest to it.
func compress(sample float64) byte {
	best := byte(0)
	for b := range 256 {
		if math.Abs(expand(byte(b))-sample) < math.Abs(expand(best)-sample) {
			best = byte(b)
		}
	}
	return best
}

// toneToNoise returns the power of the tone over that of all else, in decibels.
func toneToNoise(samples []float64) float64 {
	var sine, cosine, all float64
	for i, sample := range samples {
		angle := 2 * math.Pi * tone * float64(i) / rate
		sine, cosine, all = sine+sample*math.Sin(angle), cosine+sample*math.Cos(angle), all+sample*sample
	}
	power := 2 * (sine*sine + cosine*cosine) / float64(len(samples))
	return 10 * math.Log10(power/(all-power))
}

func TestWhatFfmpegProtectsIsOpened(t *testing.T) {
	for _, suite := range theirSuites {
		t.Run(suite.String(), func(t *testing.T) {
			ours, theirs := newKey(t, suite), newKey(t, suite)
			us := newContext(t, ours, theirs)
			sockets, reports := socketPair(t)
			port := sockets.LocalAddr().(*net.UDPAddr).Port
			command := ffmpeg(t, "-re", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=%d:samples_per_frame=160:duration=1.5", tone, rate),
				"-c:a", "pcm_mulaw", "-f", "rtp", "-seq", fmt.Sprint(firstNumber), "-srtp_out_suite", suite.String(),
				"-srtp_out_params", encoded(theirs), fmt.Sprintf("srtp://127.0.0.1:%d", port))
			var complaints bytes.Buffer
			command.Stderr = &complaints
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			var samples []float64
			last := -1
			for len(samples) < rate { // a second
				packet := receivePacket(t, sockets)
				opened, err := us.Unprotect(packet[:0], packet)
				if err != nil {
					t.Fatalf("packet after %d: %v", last, err)
				}
				var plain rtp.Packet
				if err := plain.Unmarshal(opened); err != nil || plain.PayloadType != 0 {
					t.Fatalf("opened to %x, %v", opened, err)
				}
				for _, b := range plain.Payload {
					samples = append(samples, expand(b))
				}
				last = int(plain.SequenceNumber)
			}
			if last > 1000 {
				t.Errorf("the last number is %d: they have not gone round", last)
			}
			if decibels := toneToNoise(samples); decibels < 25 {
				t.Errorf("the tone is %.1f dB above all else, want 25", decibels)
			}
			// With the other suite, ffmpeg shortens the tags of reports as well, against the table of RFC 4568 section 6.2.
			opened, err := us.UnprotectReport(nil, receivePacket(t, reports))
			if suite == sdp.AESCM128HMACSHA80 && (err != nil || len(opened) < 28 || opened[1] != 200) {
				t.Errorf("a sender's report opened to %x, %v", opened, err)
			}
			if err := command.Wait(); err != nil {
				t.Errorf("ffmpeg: %v\n%s", err, &complaints)
			}
		})
	}
}

// receivePacket waits for a packet.
func receivePacket(t *testing.T, socket *net.UDPConn) []byte {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 2000)
	n, _, err := socket.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

func TestWhatWeProtectFfmpegOpens(t *testing.T) {
	for _, suite := range theirSuites {
		t.Run(suite.String(), func(t *testing.T) {
			ours, theirs := newKey(t, suite), newKey(t, suite)
			us := newContext(t, ours, theirs)
			to, reports := socketPair(t)
			address := to.LocalAddr().(*net.UDPAddr)
			closeAll(t, to, reports) // for ffmpeg
			description := filepath.Join(t.TempDir(), "call.sdp")
			text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/SAVP 0\r\n"+
				"a=crypto:1 %s inline:%s\r\n", address.Port, suite, encoded(ours))
			if err := os.WriteFile(description, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			command := ffmpeg(t, "-protocol_whitelist", "file,rtp,udp,srtp,crypto", "-analyzeduration", "0", "-i", description,
				"-t", "1", "-f", "s16le", "-")
			var sound, complaints bytes.Buffer
			command.Stdout, command.Stderr = &sound, &complaints
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			if err := sendTone(t, us, address, ended); err != nil {
				t.Errorf("ffmpeg: %v\n%s", err, &complaints)
			}
			var samples []float64
			for raw := sound.Bytes(); len(raw) >= 2; raw = raw[2:] {
				samples = append(samples, float64(int16(binary.LittleEndian.Uint16(raw))))
			}
			if len(samples) < rate*9/10 {
				t.Fatalf("ffmpeg heard %d samples\n%s", len(samples), &complaints)
			}
			if decibels := toneToNoise(samples); decibels < 25 {
				t.Errorf("the tone is %.1f dB above all else, want 25", decibels)
			}
		})
	}
}

// sendTone sends the tone until ffmpeg has ended. It has to hear a number from before they go round, or could not tell
// that they did (RFC 3711 section 3.3.1): the end of the numbers is kept until it listens, which two writes in a row show
// that were not refused.
func sendTone(t *testing.T, us *Context, to *net.UDPAddr, ended <-chan error) error {
	t.Helper()
	from, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, from)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	packet := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, SequenceNumber: firstNumber - 2000}}
	for i := range 160 { // a packet holds whole periods of the tone, so that all are the same
		packet.Payload = append(packet.Payload, compress(8000*math.Sin(2*math.Pi*tone*float64(i)/rate)))
	}
	heard := 0
	for {
		raw, err := packet.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		_, err = from.Write(protect(t, us, raw))
		switch {
		case err == nil:
			heard++
		case errors.Is(err, syscall.ECONNREFUSED):
			heard = 0
		default:
			t.Fatal(err)
		}
		packet.SequenceNumber++
		packet.Timestamp += 160
		if heard == 2 {
			packet.SequenceNumber = firstNumber
		}
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
		}
	}
}
