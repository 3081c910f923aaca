package app

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/sipp"
)

// This file has ffmpeg listen to the node, whose decoders and SRTP are neither ours nor baresip's, while SIPp or a phone of ours
// signals; and has SIPp say what ffmpeg encoded.

// format is a codec as session descriptions have it.
type format struct{ number, mapping string }

var (
	pcmu = format{"0", "PCMU/8000"}
	pcma = format{"8", "PCMA/8000"}
	g722 = format{"9", "G722/8000"}
	l16  = format{"96", "L16/16000"}
)

// ffmpeg makes a command of it.
func (f *fixture) ffmpeg(arguments ...string) *exec.Cmd {
	f.t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		f.t.Fatal("ffmpeg is not installed: apt-get install ffmpeg")
	}
	return exec.CommandContext(f.t.Context(), program, append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y"}, arguments...)...)
}

// listener is an ffmpeg that listens at a port and writes what it hears into a file.
type listener struct {
	f      *fixture
	file   string
	errors bytes.Buffer
}

// hearsAt starts a listener; it is stopped at the end of the test. security is empty, or an a=crypto line with the node's key.
func (f *fixture) hearsAt(port uint16, sound format, security string) *listener {
	f.t.Helper()
	dir := f.t.TempDir()
	e := &listener{f: f, file: filepath.Join(dir, "heard.wav")}
	profile := "RTP/AVP"
	if security != "" {
		profile = "RTP/SAVP"
	}
	description := filepath.Join(dir, "call.sdp")
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d %s %s\r\na=rtpmap:%s %s\r\n%s",
		port, profile, sound.number, sound.number, sound.mapping, security)
	if err := os.WriteFile(description, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	command := f.ffmpeg("-protocol_whitelist", "file,rtp,udp,srtp,crypto", "-analyzeduration", "0", "-probesize", "32",
		"-i", description, "-ac", "1", "-flush_packets", "1", e.file)
	command.Stderr = &e.errors
	if err := command.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = command.Wait()                          // by the signal
		if f.t.Failed() {
			f.t.Logf("ffmpeg:\n%s", &e.errors)
		}
	})
	return e
}

// recognises waits until a recording is recognised in what was heard.
func (e *listener) recognises(recording []int16) {
	e.f.t.Helper()
	length := time.Duration(len(recording)) * time.Second / phone.SampleRate
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	over := time.After(patience)
	for {
		heard, err := phone.ReadWAV(e.file) // not there, or without a beginning yet: later
		if err == nil && phone.Correlate(heard, recording).Sure(length) {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			e.f.t.Fatalf("ffmpeg never heard the recording in %d samples, %v", len(heard), err)
		}
	}
}

// port finds a pair of free ports for a listener.
func (f *fixture) port() uint16 {
	f.t.Helper()
	port, err := phone.FreePorts(2)
	if err != nil {
		f.t.Fatal(err)
	}
	return port
}

// signals starts a SIPp that calls with one codec, whose sound is heard at a port and which says something, or nothing.
func (f *fixture) signals(sound format, media, speak string, files map[string][]byte) *sipp.Process {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "sipp", "ear.xml"))
	if err != nil {
		f.t.Fatal(err)
	}
	o := sipp.Options{Dir: f.t.TempDir(), Target: f.at(""), From: callerNumber, Number: mainNumber, Limit: 3 * time.Minute}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(o.Dir, name), content, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	o.Scenario = strings.NewReplacer("MEDIA", media, "FORMAT", sound.number, "RTPMAP", sound.mapping, "SPEAK", speak).Replace(string(text))
	p, err := sipp.Start(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Stop)
	return p
}

// ffmpegHears has ffmpeg hear the menu in a codec, which SIPp agrees on.
func (f *fixture) ffmpegHears(sound format) {
	f.t.Helper()
	port := f.port()
	e := f.hearsAt(port, sound, "")
	p := f.signals(sound, fmt.Sprint(port), "", nil)
	e.recognises(f.recording("choose.wav"))
	f.nudge(p, callerNumber)
	f.went(p, 1)
	f.endsAs(callerNumber, "abandoned/caller")
	f.nothingLeft()
}

func TestFfmpegHearsTheMenuInEveryCodec(t *testing.T) {
	for _, sound := range []format{pcmu, pcma, g722, l16} {
		t.Run(sound.mapping, func(t *testing.T) {
			t.Parallel()
			start(t, open, shorter, wide).ffmpegHears(sound)
		})
	}
}

// ourKey finds a line with the node's key in its description.
var ourKey = regexp.MustCompile(`a=crypto:[^\r\n]*\r\n`)

func TestFfmpegHearsTheMenuByTheKeyThatTheNodeSaid(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, protects("required", "off"))
	port := f.port()
	sound := secureSound
	sound.At, sound.Silent = netip.AddrPortFrom(loopback, port), true
	caller, err := f.phone(phone.Options{User: callerNumber}).Dial(f.within(patience), mainNumber, phone.CallOptions{Sound: sound})
	if err != nil {
		t.Fatal(err)
	}
	key := ourKey.Find(caller.FarDescription())
	if key == nil {
		t.Fatalf("the node said no key:\n%s", caller.FarDescription())
	}
	f.hearsAt(port, pcmu, string(key)).recognises(f.recording("choose.wav"))
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

// TestWhatFfmpegEncodesAndSIPpSendsIsHeard has the tone of a caller with SIPp, encoded by ffmpeg, heard by an agent.
func TestWhatFfmpegEncodesAndSIPpSendsIsHeard(t *testing.T) {
	for _, c := range []struct {
		sound  format
		coding []string // for ffmpeg
	}{
		{pcmu, []string{"-ar", "8000", "-f", "mulaw"}},
		{pcma, []string{"-ar", "8000", "-f", "alaw"}},
		{g722, []string{"-ar", "16000", "-f", "g722"}},
	} {
		t.Run(c.sound.mapping, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, wide, func(dir string) {
				replace(dir, "centre.yaml", "+61280000001: main", "+61280000001: billing-line")
			})
			carol := f.agent("carol", phone.Reply{})
			f.agentIs("carol", "ready")
			said := filepath.Join(t.TempDir(), "said")
			command := f.ffmpeg(append(append([]string{"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:duration=2", callerTone), "-ac", "1"}, c.coding...), said)...)
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			content, err := os.ReadFile(said)
			if err != nil {
				t.Fatal(err)
			}
			p := f.signals(c.sound, "[rtpstream_audio_port]", `<nop><action><exec rtp_stream="said,-1,`+c.sound.number+`"/></action></nop>`,
				map[string][]byte{"said": content})
			atAgent := f.picksUp(carol)
			f.hears(atAgent, callerTone)
			if err := atAgent.Hangup(f.within(patience)); err != nil {
				t.Fatal(err)
			}
			f.went(p, 1)
			f.endsAs(callerNumber, "answered/agent")
			f.nothingLeft()
		})
	}
}
