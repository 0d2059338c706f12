// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/link"
)

// together runs n members of one group, each with a remote clock of its own, that begin one after the other.
func together(w *World, p *Path, ctl ledbat.Controller, starts ...time.Duration) []*Bulk {
	g := group.New(ctl, mss)
	var flows []*Bulk
	for i, at := range starts {
		clock := Clock{Offset: time.Duration(i) * 17 * time.Minute}
		flows = append(flows, w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54, Start: at, Clock: clock}))
	}
	return flows
}

func evenly(n int, every time.Duration) []time.Duration {
	starts := make([]time.Duration, n)
	for i := range starts {
		starts[i] = time.Duration(i) * every
	}
	return starts
}

// Members of a group share the line equally, whatever the controller and whenever they came, and together they hold the
// target of one flow. Without a group, the last flow of rfc6817 takes all.
func TestGroupOverALink(t *testing.T) {
	for name, make := range map[string]func(testing.TB) ledbat.Controller{"rfc6817": shipped, "ledbatpp": plusPlus} {
		for _, n := range []int{1, 2, 8, 32} {
			l := line{mbit: 20, rtt: 30 * ms, buffer: 200 * ms, seed: 1}
			w := NewWorld()
			p := w.Path(l.both())
			flows := together(w, p, make(t), evenly(n, 500*ms)...)
			w.Run(60 * sec)
			total, lost := 0.0, 0
			for _, f := range flows {
				total += f.Goodput(30*sec, 60*sec)
				lost += f.Lost()
			}
			q := p.QueueBetween(30*sec, 60*sec)
			fair := jain(flows, 30*sec, 60*sec)
			t.Logf("%s, %d members: use %.3f, Jain %.4f, queue %.1f ms (p95 %.1f), %d lost", name, n, total/l.ceiling(), fair, inMS(q.Mean), inMS(q.P95), lost)
			least := map[string]float64{"rfc6817": 0.98, "ledbatpp": 0.92}[name]
			if total < least*l.ceiling() || fair < 0.98 || q.P95 > 68*ms {
				t.Errorf("%s, %d members: use %.3f, Jain %.4f, queue p95 %.1f ms: %v", name, n, total/l.ceiling(), fair, inMS(q.P95), flows[0])
			}
		}
	}
}

// Eight members are no ruder than one flow: a foreground flow keeps as much beside them.
func TestGroupIsAsPoliteAsOneFlow(t *testing.T) {
	l := line{mbit: 20, rtt: 20 * ms, buffer: 100 * ms, seed: 1}
	kept := func(n int) float64 {
		w := NewWorld()
		p := w.Path(l.both())
		fore := w.Flow(p, FlowConfig{Controller: newReno(mss), MSS: mss, Headers: 54, Start: 10 * sec})
		together(w, p, plusPlus(t), evenly(n, 100*ms)...)
		w.Run(100 * sec)
		return fore.Goodput(20*sec, 100*sec) / 1e6
	}
	one, eight := kept(1), kept(8)
	t.Logf("Reno keeps %.2f Mbit/s beside one flow, %.2f beside a group of eight", one, eight)
	if eight < 0.95*one {
		t.Errorf("Reno keeps %.2f Mbit/s beside one flow, %.2f beside a group of eight", one, eight)
	}
}

// A member with little to send gets nearly all of it through: the application skips what it would have made while a datagram waits for its
// turn. The others have the rest.
func TestGroupLendsWhatIsNotUsed(t *testing.T) {
	l := line{mbit: 20, rtt: 30 * ms, buffer: 200 * ms, seed: 1}
	w := NewWorld()
	p := w.Path(l.both())
	g := group.New(shipped(t), mss)
	full := w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54})
	light := w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54, Source: Source{Rate: 50e3}, Start: 5 * sec})
	gone := w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54, Stop: 20 * sec})
	w.Run(60 * sec)
	a, b := full.Goodput(30*sec, 60*sec), light.Goodput(30*sec, 60*sec)
	t.Logf("full %.2f Mbit/s, light %.2f, ceiling %.2f", a/1e6, b/1e6, l.ceiling()/1e6)
	if a+b < 0.97*l.ceiling() || b < 0.37e6 {
		t.Errorf("full %.2f Mbit/s, light %.2f of 0.40, ceiling %.2f: %v", a/1e6, b/1e6, l.ceiling()/1e6, full)
	}
	if x := gone.Goodput(21*sec, 60*sec); x > 0 {
		t.Errorf("the flow that ended still gets %v", x)
	}
}

// One remote host goes away: the others do not notice.
func TestGroupOutlivesASilentMember(t *testing.T) {
	l := line{mbit: 20, rtt: 30 * ms, buffer: 200 * ms, seed: 1}
	w := NewWorld()
	p := w.Path(l.both())
	forward, reverse := l.both()
	forward.Blackouts = []link.Window{{From: 20 * sec, For: 60 * sec}}
	reverse.Blackouts = forward.Blackouts
	g := group.New(shipped(t), mss)
	a := w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54})
	silent := w.Flow(w.Path(forward, reverse), FlowConfig{Group: g, MSS: mss, Headers: 54})
	b := w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54})
	w.Run(40 * sec)
	got := a.Goodput(22*sec, 40*sec) + b.Goodput(22*sec, 40*sec)
	t.Logf("the other two have %.3f of their line; %d timeouts of the silent one", got/l.ceiling(), silent.Timeouts())
	if got < 0.95*l.ceiling() || a.Timeouts()+b.Timeouts() > 0 || silent.Timeouts() > 25 {
		t.Errorf("the other two have %.3f of their line, %d timeouts of the silent one: %v", got/l.ceiling(), silent.Timeouts(), a)
	}
}
