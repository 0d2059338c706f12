// SPDX-License-Identifier: Apache-2.0

//go:build linux && !portable

package udp_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/transfer/udp"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
	"golang.org/x/sys/unix"
)

// A kernel or a card that cannot cut batches is noticed and worked around.
func TestWithoutSegmentationConforms(t *testing.T) {
	udptest.Conformance(t, open(loopback4, (*udp.Conn).RefuseCutting))
}

func TestRefusalIsNoticedAndRemembered(t *testing.T) {
	a, b := listen(t, udp.Config{Address: loopback4}), listen(t, udp.Config{Address: loopback4})
	const count = 150 // no kernel takes as many segments at once, UDP_MAX_SEGMENTS is 128
	if err := a.WriteCut(b.LocalAddr(), make([]byte, count), 1); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(a.String(), "cuts=false") {
		t.Errorf("after a refusal: %s", a)
	}
	for got := 0; got < count; {
		messages, err := b.ReadBatch()
		if err != nil {
			t.Fatal(err)
		}
		got += len(messages)
	}
}

// Datagrams that are too big must not be taken for a card that cannot cut.
func TestTooBigIsNoRefusal(t *testing.T) {
	a, b := listen(t, udp.Config{Address: loopback4}), listen(t, udp.Config{Address: loopback4})
	if err := a.WriteCut(b.LocalAddr(), make([]byte, 80_000), 70_000); err == nil {
		t.Error("80,000 bytes went out as one datagram")
	}
	if !strings.Contains(a.String(), "cuts=true") {
		t.Errorf("after a batch of big datagrams: %s", a)
	}
}

func TestBatchesPassTheKernelWhole(t *testing.T) {
	a, b := listen(t, udp.Config{Address: loopback4}), listen(t, udp.Config{Address: loopback4})
	if err := a.WriteBatch(b.LocalAddr(), make([]byte, 40*1400), 1400); err != nil {
		t.Fatal(err)
	}
	got, err := b.ReadBatch()
	if err != nil {
		t.Fatal(err)
	}
	if a.Cuts() && b.Joins() && len(got) != 40 {
		t.Errorf("%d of 40 datagrams at once (%s, %s)", len(got), a, b)
	}
}

// RFC 3168 section 5: both ECN bits set mean that congestion was experienced.
func TestCongestionMarksArrive(t *testing.T) {
	any4 := func(c *udp.Conn) netip.AddrPort { return netip.AddrPortFrom(loopback4.Addr(), c.LocalAddr().Port()) }
	for _, c := range []struct {
		name   string
		listen netip.AddrPort
		reach  func(*udp.Conn) netip.AddrPort
	}{
		{"IPv4", loopback4, (*udp.Conn).LocalAddr},
		{"IPv6", loopback6, (*udp.Conn).LocalAddr},
		{"IPv4 on a socket for both", netip.AddrPort{}, any4},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.listen == loopback6 {
				needIPv6(t)
			}
			to := listen(t, udp.Config{Address: c.listen})
			for _, class := range []uint8{0, udp.LowEffort, udp.ECT0, udp.LowEffort | udp.ECT0, 0x01, 0x03, udp.LowEffort | 0x03} {
				from := listen(t, udp.Config{Address: c.listen, TrafficClass: class})
				if err := from.WriteBatch(c.reach(to), make([]byte, 300), 100); err != nil {
					t.Fatal(err)
				}
				for n := 0; n < 3; {
					got, err := to.ReadBatch()
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range got {
						if m.CE != (class&0x03 == 0x03) {
							t.Errorf("traffic class %#02x arrives with CE %t", class, m.CE)
						}
					}
					n += len(got)
				}
			}
		})
	}
}

// However late a datagram is read, it came when it came.
func TestArrivalIsWhenItCame(t *testing.T) {
	a, b := listen(t, udp.Config{Address: loopback4}), listen(t, udp.Config{Address: loopback4})
	before := time.Now()
	if err := a.WriteBatch(b.LocalAddr(), make([]byte, 100), 100); err != nil {
		t.Fatal(err)
	}
	after := time.Now() // over loopback it is there when the write returns
	got, err := b.ReadBatch()
	if err != nil {
		t.Fatal(err)
	}
	const exact = 100 * time.Microsecond
	if m := got[0]; m.At.Before(before.Add(-exact)) || m.At.After(after.Add(exact)) {
		t.Errorf("it came at %v, sent between %v and %v", m.At, before, after)
	}
}

func TestTheNetworkIsTold(t *testing.T) {
	c := listen(t, udp.Config{Address: loopback4, TrafficClass: udp.LowEffort})
	for _, o := range []struct {
		what                string
		level, option, want int
	}{
		{"DSCP LE", unix.IPPROTO_IP, unix.IP_TOS, 0x04},
		{"never fragment", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE},
	} {
		if got, err := c.Option(o.level, o.option); err != nil || got != o.want {
			t.Errorf("%s: option is %d, %v, want %d", o.what, got, err, o.want)
		}
	}
}

func TestBuffersAreReported(t *testing.T) {
	small := listen(t, udp.Config{Address: loopback4, Buffer: 128 << 10})
	if read, write := small.Buffers(); read != 128<<10 || write != 128<<10 {
		t.Errorf("asked for 128 KiB, got %d and %d", read, write)
	}
	read, write := listen(t, udp.Config{Address: loopback4}).Buffers()
	if read < 128<<10 || write < 128<<10 {
		t.Errorf("asked for 8 MiB, got %d and %d", read, write)
	}
	t.Logf("asked for 8 MiB, got %d and %d", read, write)
}

func TestReadingAndWritingDoNotAllocate(t *testing.T) {
	a, b := listen(t, udp.Config{Address: loopback4}), listen(t, udp.Config{Address: loopback4})
	data := make([]byte, 40*1400)
	n := testing.AllocsPerRun(50, func() {
		if err := a.WriteBatch(b.LocalAddr(), data, 1400); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < 40; {
			messages, err := b.ReadBatch()
			if err != nil {
				t.Fatal(err)
			}
			got += len(messages)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a batch, want none", n)
	}
}
