// SPDX-License-Identifier: Apache-2.0

package group

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
	"github.com/ebbproject/ebb/ledbat"
)

// A golden file is a script: lines that begin with "> " are commands, what follows each is what happened. A change of behaviour
// shows as a diff that a person can judge.
func TestGolden(t *testing.T) {
	golden.Scripts(t, "testdata/*.txt", play)
}

// A stage is what the commands of a script act on.
type stage struct {
	t     *testing.T
	out   strings.Builder
	place *location
	crowd *crowd
}

func play(t *testing.T, script string) string {
	s := &stage{t: t}
	for in := bufio.NewScanner(strings.NewReader(script)); in.Scan(); {
		line := in.Text()
		if strings.HasPrefix(line, "# ") {
			fmt.Fprintln(&s.out, line)
		}
		if !strings.HasPrefix(line, "> ") {
			continue
		}
		fmt.Fprintln(&s.out, line)
		words := strings.Fields(line[2:])
		if !s.leases(words) && !s.turns(words) {
			t.Fatalf("no such command: %s", line)
		}
	}
	return s.out.String()
}

func (s *stage) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) lasting(word string) time.Duration {
	d, err := time.ParseDuration(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// leases knows the commands about a location: hosts N BUDGET, want HOST RATE, run D EVERY, kill HOST, cut HOST, heal, show, messages D.
func (s *stage) leases(words []string) bool {
	l := s.place
	switch words[0] {
	case "hosts":
		s.place = settle(s.t, s.number(words[1]), float64(s.number(words[2])))
	case "want":
		l.want(Host(words[1]), float64(s.number(words[2])))
	case "run":
		every := s.lasting(words[2])
		for end := l.now + s.lasting(words[1]); l.now < end; {
			l.run(s.t, every)
			var acting []string
			for _, h := range l.names {
				if l.nodes[h].Coordinates() && !l.dead[h] {
					acting = append(acting, string(h))
				}
			}
			fmt.Fprintf(&s.out, "%6dms by %-7s", l.now/ms, strings.Join(acting, ","))
			for _, h := range l.names {
				fmt.Fprintf(&s.out, " %s %4.0f", h, l.rate(h))
			}
			fmt.Fprintf(&s.out, "  sum %4.0f\n", l.used())
		}
	case "kill":
		l.dead[Host(words[1])] = true
	case "cut":
		l.cut = func(a, b Host) bool { return a == Host(words[1]) || b == Host(words[1]) }
	case "heal":
		l.cut = func(Host, Host) bool { return false }
	case "show":
		fmt.Fprint(&s.out, l)
	case "messages":
		seen := map[int]bool{}
		for end := l.now + s.lasting(words[1]); l.now < end; {
			l.run(s.t, ms)
			for _, f := range l.air {
				if !seen[f.number] {
					seen[f.number] = true
					fmt.Fprintf(&s.out, "%6dms %v\n", l.now/ms, f.m)
				}
			}
		}
	default:
		return false
	}
	return true
}

// turns knows the commands about a group: members N WINDOW, send I N, ack I N, wait I N, advance D, take.
func (s *stage) turns(words []string) bool {
	w := s.crowd
	if words[0] == "members" {
		s.crowd = gather(s.t, s.number(words[1]), s.number(words[2])*mss)
		return true
	}
	n := 0
	if len(words) > 2 {
		n = s.number(words[2])
	}
	member := func() *Share { return w.shares[s.number(words[1])] }
	switch words[0] {
	case "send":
		for range n {
			member().Sent(w.now, mss)
		}
	case "ack":
		m := member()
		m.Acked(w.now, ledbat.Ack{Bytes: n * mss, OneWayDelay: 25 * ms, RTT: 50 * ms, InFlight: m.flight - n*mss})
	case "wait":
		member().Waiting(w.now, n*mss)
	case "advance":
		w.now = w.now.Add(s.lasting(words[1]))
		w.shares[0].Advance(w.now)
	case "take":
	default:
		return false
	}
	for m, ok := w.g.Take(); ok; m, ok = w.g.Take() {
		fmt.Fprintf(&s.out, "wake member %d: granted %d\n", m.Number(), m.grant/mss)
	}
	for _, m := range w.shares {
		fmt.Fprintf(&s.out, "member %d: in flight %d, may have %d%s\n", m.Number(), m.flight/mss, m.Window()/mss, map[bool]string{true: ", waiting"}[m.waiting.in != nil])
	}
	return true
}
