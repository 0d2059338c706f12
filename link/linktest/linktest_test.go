// SPDX-License-Identifier: Apache-2.0

package linktest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

var c3 = netip.MustParseAddrPort("[2001:db8::3]:1003")

// read returns the next datagram, or why there is none.
func read(e *Endpoint) (string, netip.AddrPort) {
	b := make([]byte, MaxDatagram)
	n, from, err := e.ReadFrom(b)
	if err != nil {
		return err.Error(), from
	}
	return string(b[:n]), from
}

func write(t *testing.T, e *Endpoint, text string, to netip.AddrPort) {
	t.Helper()
	if n, err := e.WriteTo([]byte(text), to); err != nil || n != len(text) {
		t.Fatal(n, err)
	}
}

func TestDatagramsArriveWhenTheLinkSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 1000 bytes at 1 Mbit/s are 8 ms.
		a, b := Pair(link.Config{Rate: 1e6, Delay: 30 * ms}, link.Config{Delay: 10 * ms})
		defer a.Network().Close()
		start := time.Now()
		for i := range 3 {
			write(t, a, fmt.Sprintf("%01000d", i), b.LocalAddr())
		}
		for i := range 3 {
			got, from := read(b)
			if got != fmt.Sprintf("%01000d", i) || from != a.LocalAddr() {
				t.Fatalf("%q from %v", got, from)
			}
			if after := time.Since(start); after != 30*ms+time.Duration(i+1)*8*ms {
				t.Fatalf("datagram %d came after %v", i, after)
			}
		}
		write(t, b, "back", a.LocalAddr())
		before := time.Now()
		if got, _ := read(a); got != "back" || time.Since(before) != 10*ms {
			t.Fatalf("%q after %v", got, time.Since(before))
		}
		if s := a.PathTo(b).Stats(); s.Delivered != (link.Count{Packets: 3, Bytes: 3000}) {
			t.Fatal(s)
		}
	})
}

func TestRebindMovesTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair(link.Config{Delay: 30 * ms}, link.Config{Delay: 30 * ms})
		defer a.Network().Close()
		former := a.LocalAddr()
		write(t, a, "before", b.LocalAddr())
		write(t, b, "too late", former) // on its way while the address changes
		time.Sleep(ms)
		a.Rebind(c3)
		write(t, a, "after", b.LocalAddr())
		write(t, b, "to nobody", former)
		if got, from := read(b); got != "before" || from != former {
			t.Fatalf("%q from %v", got, from)
		}
		if got, from := read(b); got != "after" || from != c3 {
			t.Fatalf("%q from %v", got, from)
		}
		write(t, b, "answer", c3)
		if got, _ := read(a); got != "answer" {
			t.Fatalf("%q", got)
		}
		if lost := a.Network().Lost(); lost != 2 || a.LocalAddr() != former {
			t.Fatalf("%d lost, local address %v", lost, a.LocalAddr())
		}
	})
}

func TestRoutesMayShareABottleneck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		defer n.Close()
		a, b := n.Listen(netip.MustParseAddrPort("192.0.2.1:1")), n.Listen(netip.MustParseAddrPort("192.0.2.2:1"))
		c := n.Listen(c3)
		shared := n.Path(link.Config{Rate: 1e6})
		n.Route(a, c, shared)
		n.Route(b, c, shared)
		start := time.Now()
		write(t, a, fmt.Sprintf("%01000d", 1), c3)
		write(t, b, fmt.Sprintf("%01000d", 2), c3)
		if q := shared.QueueDelay(); q != 16*ms {
			t.Fatalf("queue of %v", q)
		}
		read(c)
		if _, from := read(c); from != b.LocalAddr() || time.Since(start) != 16*ms {
			t.Fatalf("from %v after %v", from, time.Since(start))
		}
		write(t, c, "no way back", a.LocalAddr())
		write(t, a, "no such address", netip.MustParseAddrPort("192.0.2.9:9"))
		if n.Lost() != 2 {
			t.Fatalf("%d lost", n.Lost())
		}
	})
}

func TestPathsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair(link.Config{Rate: 1e6, Delay: 30 * ms}, link.Config{})
		defer a.Network().Close()
		p := a.PathTo(b)
		start := time.Now()
		write(t, a, fmt.Sprintf("%01000d", 1), b.LocalAddr())
		p.SetRate(2e6) // leaves after 4 ms
		read(b)
		if after := time.Since(start); after != 34*ms {
			t.Fatalf("at the new rate after %v", after)
		}
		p.Cut(10 * time.Minute)
		write(t, a, "into the dark", b.LocalAddr())
		time.Sleep(10 * time.Minute)
		p.SetDelay(ms)
		start = time.Now()
		write(t, a, fmt.Sprintf("%01000d", 2), b.LocalAddr())
		read(b)
		if after := time.Since(start); after != 5*ms {
			t.Fatalf("over the new way after %v", after)
		}
		if s := p.Stats(); s.DroppedBlackout != 1 {
			t.Fatal(s)
		}
	})
}

func TestAnOvertakingDatagramMovesTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair(link.Config{Delay: time.Second}, link.Config{})
		defer a.Network().Close()
		write(t, a, "slow", b.LocalAddr())
		a.PathTo(b).SetDelay(ms)
		write(t, a, "fast", b.LocalAddr())
		start := time.Now()
		if got, _ := read(b); got != "fast" || time.Since(start) != ms {
			t.Fatalf("%q after %v", got, time.Since(start))
		}
		if got, _ := read(b); got != "slow" || time.Since(start) != time.Second {
			t.Fatalf("%q after %v", got, time.Since(start))
		}
	})
}

func TestAFullInboxLosesWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair(link.Config{}, link.Config{})
		defer a.Network().Close()
		const fits = inboxBytes / MaxDatagram
		for range fits + 3 {
			write(t, a, string(make([]byte, MaxDatagram)), b.LocalAddr())
		}
		synctest.Wait()
		if lost := a.Network().Lost(); lost != 3 {
			t.Fatalf("%d lost, want 3", lost)
		}
		for range fits {
			read(b)
		}
		write(t, a, "room again", b.LocalAddr())
		if got, _ := read(b); got != "room again" {
			t.Fatalf("%q", got)
		}
	})
}

func TestCloseWakesTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair(link.Config{Delay: time.Hour}, link.Config{})
		done := make(chan error)
		go func() {
			_, _, err := b.ReadFrom(nil)
			done <- err
		}()
		write(t, a, "on the way for an hour", b.LocalAddr())
		synctest.Wait()
		b.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		if _, err := b.WriteTo(nil, a.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		a.Close()
		// The bubble ends here only if no timer is left that could run anything.
	})
}

func TestOversizeDatagramsAreRefused(t *testing.T) {
	a, b := Pair(link.Config{}, link.Config{})
	defer a.Network().Close()
	if _, err := a.WriteTo(make([]byte, MaxDatagram+1), b.LocalAddr()); err == nil {
		t.Fatal("sent")
	}
}

func TestAddressesAreNotShared(t *testing.T) {
	a, b := Pair(link.Config{}, link.Config{})
	defer a.Network().Close()
	defer func() {
		if recover() == nil {
			t.Fatal("two endpoints have the same address")
		}
	}()
	a.Rebind(b.LocalAddr())
}

func TestRealTime(t *testing.T) {
	a, b := Pair(link.Config{Rate: 100e6, Delay: ms}, link.Config{Delay: ms})
	defer a.Network().Close()
	go func() {
		for {
			got, from := read(b)
			if !from.IsValid() {
				return
			}
			b.WriteTo([]byte(got), from)
		}
	}()
	for i := range 100 {
		write(t, a, fmt.Sprint(i), b.LocalAddr())
	}
	for i := range 100 {
		if got, _ := read(a); got != fmt.Sprint(i) {
			t.Fatalf("%q, want %d", got, i)
		}
	}
	b.Close()
}

// A link with a buffer of its own is woken for arrivals and not for everything that happens in it, and
// delivers in time all the same.
func TestManagedPathsDeliverInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trace, err := link.ParseTrace(strings.NewReader("3\n10\n"))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]link.Config{
			"CoDel":    {Rate: 1e6, AQM: link.CoDel{}, Delay: 10 * ms},
			"FQ-CoDel": {Rate: 1e6, AQM: link.FQCoDel{}, Delay: 10 * ms},
			"schedule": {Rate: 1e5, Schedule: link.Schedule{Steps: []link.Step{{At: 0, Rate: 1e6, Delay: 10 * ms}}}},
			"trace":    {Trace: trace, Delay: 10 * ms},
		} {
			a, b := Pair(c, link.Config{})
			start := time.Now()
			for i := range 3 {
				write(t, a, fmt.Sprintf("%01250d", i), b.LocalAddr())
			}
			want := []time.Duration{20 * ms, 30 * ms, 40 * ms} // 1250 bytes at 1 Mbit/s are 10 ms
			if c.Trace != nil {
				want = []time.Duration{13 * ms, 20 * ms, 23 * ms}
			}
			for i := range 3 {
				got, _ := read(b)
				if got != fmt.Sprintf("%01250d", i) || time.Since(start) != want[i] {
					t.Errorf("%s: datagram %d came as %.4s... after %v, want %v", name, i, got[1246:], time.Since(start), want[i])
				}
			}
			a.Network().Close()
		}
	})
}
