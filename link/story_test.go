// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
)

// A story is a script; each line that is not indented is a command, what the link
// answers follows it indented. `go test -update` writes the answers anew.
//
//	link KEY=VALUE...          a new link; keys are those of setKey
//	send TIME SIZE [COUNT [FLOW [ect]]]  sends packets 0, 1, 2 ...
//	take TIME                  takes everything that arrives until then
//	rate TIME BITS | delay TIME DURATION | cut TIME DURATION
//	offer FROM UNTIL BITS SIZE sends at a constant rate and draws the queue every 100 ms
//	state
func TestStories(t *testing.T) {
	golden.Scripts(t, "testdata/stories/*.txt", tell)
}

type teller struct {
	t    *testing.T
	l    *Link[int]
	next int
	out  strings.Builder
}

func tell(t *testing.T, script string) string {
	s := &teller{t: t}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		s.out.WriteString(line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			s.obey(words[0], words[1:])
		}
	}
	return s.out.String()
}

func (s *teller) say(format string, args ...any) { fmt.Fprintf(&s.out, "    "+format+"\n", args...) }

func (s *teller) obey(command string, args []string) {
	if command == "link" {
		s.open(args)
		return
	}
	now := epoch
	if len(args) > 0 {
		now = at(s.duration(args[0]))
	}
	switch command {
	case "send":
		count := 1
		if len(args) > 2 {
			count = int(s.number(args[2]))
		}
		d := datagram(int(s.number(args[1])), 0)
		if len(args) > 3 {
			d.Flow = uint32(s.number(args[3]))
		}
		if len(args) > 4 {
			d.ECN = ECT0
		}
		for range count {
			d.Payload = s.next
			s.say("packet %d: %v", s.next, s.l.Send(now, d))
			s.next++
		}
	case "take":
		for d := s.l.Deadline(); !d.IsZero() && !d.After(now); d = s.l.Deadline() {
			p, ok := s.l.Take(d)
			switch {
			case !ok:
			case p.ECN == CE:
				s.say("packet %d at %v, marked", p.Payload, d.Sub(epoch))
			default:
				s.say("packet %d at %v", p.Payload, d.Sub(epoch))
			}
		}
	case "rate":
		s.l.SetRate(now, s.number(args[1]))
	case "delay":
		s.l.SetDelay(now, s.duration(args[1]))
	case "cut":
		s.l.Cut(now, s.duration(args[1]))
	case "offer":
		s.offer(now, at(s.duration(args[1])), s.number(args[2]), int(s.number(args[3])))
	case "state":
		s.say("%v", s.l)
	default:
		s.t.Fatalf("unknown command %q", command)
	}
}

func (s *teller) open(args []string) {
	var c Config
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		s.setKey(&c, key, value)
	}
	s.l, s.next = New[int](epoch, c), 0
}

func (s *teller) setKey(c *Config, key, value string) {
	switch key {
	case "rate":
		c.Rate = s.number(value)
	case "delay":
		c.Delay = s.duration(value)
	case "bytes":
		c.BufferBytes = int(s.number(value))
	case "buffer":
		c.BufferTime = s.duration(value)
	case "mtu":
		c.MTU = int(s.number(value))
	case "overhead":
		c.Overhead = int(s.number(value))
	case "loss":
		c.Loss = s.number(value)
	case "jitter":
		c.Jitter = s.duration(value)
	case "unordered":
		c.JitterReorders = true
	case "reorder":
		c.Reorder = s.number(value)
	case "late":
		c.ReorderDelay = s.duration(value)
	case "dark":
		from, length, _ := strings.Cut(value, "+")
		c.Blackouts = append(c.Blackouts, Window{s.duration(from), s.duration(length)})
	case "seed":
		c.Seed = uint64(s.number(value))
	case "aqm":
		c.AQM = managers[value]
	case "policer":
		rate, burst, _ := strings.Cut(value, "+")
		c.Policer = Policer{Rate: s.number(rate), Burst: int(s.number(burst))}
	case "step":
		words := strings.Split(value, ",")
		c.Schedule.Steps = append(c.Schedule.Steps, Step{At: s.duration(words[0]), Rate: s.number(words[1]), Delay: s.duration(words[2])})
	case "period":
		c.Schedule.Period = s.duration(value)
	case "trace":
		var err error
		if c.Trace, err = ParseTrace(strings.NewReader(strings.ReplaceAll(value, ",", "\n"))); err != nil {
			s.t.Fatal(err)
		}
	case "bursts": // to bad, to good, lost in bad
		words := strings.Split(value, ",")
		c.BurstLoss = GilbertElliott{ToBad: s.number(words[0]), ToGood: s.number(words[1]), LossBad: s.number(words[2])}
	case "wifi":
		interval, access, _ := strings.Cut(value, "+")
		c.WiFi = WiFi{Interval: s.duration(interval), Access: s.duration(access)}
	case "lte":
		interval, repeated, _ := strings.Cut(value, "+")
		c.LTE = LTE{Interval: s.duration(interval), Retransmit: s.number(repeated)}
	default:
		s.t.Fatalf("unknown key %q", key)
	}
}

var managers = map[string]AQM{
	"codel": CoDel{}, "codel-ecn": CoDel{ECN: true}, "pie": PIE{}, "pie-ecn": PIE{ECN: true}, "fq-codel": FQCoDel{},
	"red": RED{Min: 25_000, Max: 75_000, Weight: 0.02}, "red-ecn": RED{Min: 25_000, Max: 75_000, Weight: 0.02, ECN: true},
}

func (s *teller) offer(now, until time.Time, rate float64, size int) {
	gap := time.Duration(float64(size) * 8e9 / rate)
	draw := now.Add(100 * ms)
	before := s.l.Stats()
	for ; !now.After(until); now = now.Add(gap) {
		for !now.Before(draw) {
			s.draw(draw, before)
			before, draw = s.l.Stats(), draw.Add(100*ms)
		}
		s.l.Send(now, Datagram[int]{Size: size, ECN: ECT0})
		for d := s.l.Deadline(); !d.IsZero() && !d.After(now); d = s.l.Deadline() {
			s.l.Take(d)
		}
	}
}

// draw shows the queue, one # for every 5 ms, and what happened since before.
func (s *teller) draw(now time.Time, before Stats) {
	queue, stats := s.l.QueueDelay(now), s.l.Stats()
	marked := ""
	if n := stats.Marked - before.Marked; n > 0 {
		marked = fmt.Sprintf(", %2d marked", n)
	}
	s.say("%4d ms |%-30s| %5.1f ms queue, %5.2f Mbit/s out, %2d dropped%s", now.Sub(epoch).Milliseconds(),
		strings.Repeat("#", int(queue/(5*ms))), float64(queue)/1e6,
		float64(stats.Delivered.Bytes-before.Delivered.Bytes)*8/1e5, stats.Dropped.Packets-before.Dropped.Packets, marked)
}

func (s *teller) number(word string) float64 {
	x, err := strconv.ParseFloat(word, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return x
}

func (s *teller) duration(word string) time.Duration {
	d, err := time.ParseDuration(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}
