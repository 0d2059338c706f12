// SPDX-License-Identifier: Apache-2.0

package link

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func TestParseTrace(t *testing.T) {
	got, err := ParseTrace(strings.NewReader("0\n0\n5\n5\n5\n100\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.at, []uint32{0, 0, 5, 5, 5, 100}) || got.Duration() != 100*ms || got.Opportunities() != 6 || got.Rate() != 720_000 {
		t.Fatalf("%+v, %v, %v bit/s", got, got.Duration(), got.Rate())
	}
	for text, want := range map[string]string{
		"":                        "link: not a trace: it is empty; give a line for each opportunity",
		"0\n0\n":                  "link: not a trace: it lasts 0 ms; the last line is its length",
		"1\n\n2\n":                `link: line 2 of the trace is ""; give whole milliseconds from 0 to 4294967295`,
		"1\n2\n-3\n":              `link: line 3 of the trace is "-3"; give whole milliseconds from 0 to 4294967295`,
		"1.5\n":                   `link: line 1 of the trace is "1.5"; give whole milliseconds from 0 to 4294967295`,
		"1\n2 3\n":                `link: line 2 of the trace is "2 3"; give whole milliseconds from 0 to 4294967295`,
		"1\n4294967296\n":         `link: line 2 of the trace is "4294967296"; give whole milliseconds from 0 to 4294967295`,
		"5\n4\n":                  "link: line 2 of the trace is 4 ms, before the 5 ms of the line above; order them",
		"1\nrate 20 Mbit\n":       `link: line 2 of the trace is "rate 20 Mbit"; give whole milliseconds from 0 to 4294967295`,
		strings.Repeat("1", 1000): "link: line 1 of the trace is too long for a number of milliseconds",
		"1\n002\n":                `link: line 2 of the trace is "002"; give whole milliseconds from 0 to 4294967295`,
		"1\r\n2\r\n":              "", // text files from elsewhere
		"7":                       "", // no newline at the end
	} {
		_, err := ParseTrace(strings.NewReader(text))
		if got := fmt.Sprint(err); got != want && !(err == nil && want == "") {
			t.Errorf("%.20q: %v, want %v", text, got, want)
		}
		var line *TraceError
		if err != nil && !errors.As(err, &line) && !errors.Is(err, ErrTrace) {
			t.Errorf("%.20q: %v is neither a *TraceError nor an ErrTrace", text, err)
		}
	}
	if _, err := ParseTrace(iotest.ErrReader(errors.ErrUnsupported)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a reader's error became %v", err)
	}
}

func TestATraceMayBeTooLong(t *testing.T) {
	_, err := ParseTrace(strings.NewReader(strings.Repeat("1\n", MaxTrace+1)))
	var line *TraceError
	if !errors.As(err, &line) || line.Line != MaxTrace+1 {
		t.Fatal(err)
	}
}

// Whatever parses drives a link.
func FuzzParseTrace(f *testing.F) {
	for _, seed := range []string{"", "1\n", "0\n0\n3\n", "1\n1\n", "5\n4\n", "-1\n", "x\n", "4294967295\n", "1\r\n2\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tr, err := ParseTrace(strings.NewReader(string(text)))
		if err != nil {
			return
		}
		c := Config{Trace: tr}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		l := New[int](epoch, c)
		for i := range 10 {
			l.Send(epoch, datagram(1500, i))
		}
		got := drain(t, l)
		if len(got) != 10 || got[9].at > 11*tr.Duration() {
			t.Fatalf("%v with a trace of %v", got, tr.Duration())
		}
	})
}

// Packets of 1500 bytes leave one an opportunity, and after the last one the trace begins anew.
func TestATraceDelivers(t *testing.T) {
	l := New[int](epoch, Config{Delay: 20 * ms, Trace: trace(2, 2, 7, 10)})
	for i := range 9 {
		l.Send(at(ms), datagram(1500, i))
	}
	var got []time.Duration
	for i, a := range drain(t, l) {
		if a.packet != i {
			t.Fatalf("packet %d came as number %d", a.packet, i)
		}
		got = append(got, a.at-20*ms)
	}
	if want := []time.Duration{2 * ms, 2 * ms, 7 * ms, 10 * ms, 12 * ms, 12 * ms, 17 * ms, 20 * ms, 22 * ms}; !slices.Equal(got, want) {
		t.Fatalf("left at %v, want %v", got, want)
	}
}

// Mahimahi: an opportunity carries several small packets, a packet that does not fit goes on with the next
// opportunity, and what is left when the buffer is empty is lost.
func TestAnOpportunityCarriesBytes(t *testing.T) {
	l := New[int](epoch, Config{Overhead: 100, Trace: trace(1, 2, 3, 4, 5)})
	for i, size := range []int{400, 400, 900, 1900, 0} { // 500, 500, 1000, 2000 and 100 on the wire
		l.Send(epoch, datagram(size, i))
	}
	l.Send(at(4*ms), datagram(1400, 5)) // when the opportunity at 4 ms is over
	want := []arrival{{0, ms}, {1, ms}, {2, 2 * ms}, {3, 3 * ms}, {4, 3 * ms}, {5, 5 * ms}}
	if got := drain(t, l); !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

func TestATraceHasABuffer(t *testing.T) {
	for name, c := range map[string]Config{
		"bytes": {BufferBytes: 4500, Trace: trace(10)},
		"time":  {BufferTime: 30 * ms, Trace: trace(10)},
	} {
		l := New[int](epoch, c)
		for i := range 6 {
			if v := l.Send(epoch, datagram(1500, i)); (v == Queued) != (i < 3) {
				t.Fatalf("%s: packet %d: %v", name, i, v)
			}
		}
		if q := l.QueueDelay(epoch); q != 40*ms {
			t.Fatalf("%s: queue of %v, want 40 ms: three packets and its own opportunity", name, q)
		}
		if got := len(drain(t, l)); got != 3 {
			t.Fatalf("%s: %d came", name, got)
		}
	}
}

func TestTimesOfATrace(t *testing.T) {
	tr := trace(0, 3, 3, 5)
	for n, want := range []time.Duration{0, 3 * ms, 3 * ms, 5 * ms, 5 * ms, 8 * ms, 8 * ms, 10 * ms, 10 * ms, 13 * ms} {
		if got := tr.time(int64(n)); got != int64(want) {
			t.Errorf("opportunity %d is at %v, want %v", n, time.Duration(got), want)
		}
	}
	for now, want := range map[time.Duration]int64{0: 1, ms: 1, 3*ms - 1: 1, 3 * ms: 3, 5*ms - 1: 3, 5 * ms: 5, 8 * ms: 7, 10 * ms: 9} {
		if got := tr.after(int64(now)); got != want {
			t.Errorf("the first after %v is %d, want %d", now, got, want)
		}
	}
}

// Over any stretch of time no more leaves than the opportunities in it carry, and with a full buffer
// all of that does.
func TestPropertyATraceIsUsedAndNotExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var times []uint32
		last := uint32(0)
		for range rapid.IntRange(1, 30).Draw(t, "opportunities") {
			last += rapid.Uint32Range(0, 20).Draw(t, "gap")
			times = append(times, last)
		}
		times = append(times, last+1)
		tr := trace(times...)
		l := New[int](epoch, Config{Trace: tr})
		sizes := []int{}
		for i := range 300 {
			sizes = append(sizes, rapid.SampledFrom([]int{0, 40, 700, 1500, 9000}).Draw(t, "size"))
			l.Send(epoch, datagram(sizes[i], i))
		}
		sent := int64(0)
		for i, a := range drain(t, l) {
			if a.packet != i {
				t.Fatalf("packet %d came as number %d", a.packet, i)
			}
			sent += int64(sizes[i])
			until := tr.after(int64(a.at)) - tr.after(0) // opportunities used by then
			if sent > until*Opportunity {
				t.Fatalf("%d bytes by %v, in %d opportunities", sent, a.at, until)
			}
			if before := tr.after(int64(a.at)-1) - tr.after(0); sent <= before*Opportunity && sizes[i] > 0 {
				t.Fatalf("%d bytes only by %v, after %d opportunities", sent, a.at, before)
			}
		}
	})
}
