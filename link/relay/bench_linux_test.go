// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/link"
)

const (
	benchPayload = 1200
	benchSpan    = time.Second            // of sending, for each iteration
	drainTime    = 300 * time.Millisecond // longer than the WAN holds anything
)

// BenchmarkRelay measures how exact the relay is: the rate under an overload of
// 20 %, and the delay of datagrams at half the rate, both up, against what a link
// says that is told the same. Metrics: rate-err-%, the worst, with its sign, and
// delay-err p1, p50 and p99; late is positive.
//
// It means something on an idle machine only. Run it with -benchtime 3x or so.
func BenchmarkRelay(b *testing.B) {
	for _, mbit := range []float64{5, 20, 100} {
		c := link.Config{Rate: mbit * 1e6, Delay: 20 * time.Millisecond, BufferTime: 100 * time.Millisecond, Overhead: 28}
		b.Run(fmt.Sprintf("rate/%vMbit", mbit), func(b *testing.B) { benchmarkRate(b, c) })
		b.Run(fmt.Sprintf("delay/%vMbit", mbit), func(b *testing.B) { benchmarkDelay(b, c) })
	}
}

func benchmarkRate(b *testing.B, c link.Config) {
	r := startRelay(b, Config{Up: c})
	var worst float64
	for b.Loop() {
		got := course(b, r, 1.2*c.Rate)
		// The line is busy from the first departure on; the first datagram of the
		// measure is the one whose end starts the clock.
		first, last := got[0].came, got[len(got)-1].came
		wire := float64(len(got)-1) * (benchPayload + float64(c.Overhead)) * 8
		if err := 100 * (wire/last.Sub(first).Seconds()/c.Rate - 1); err*err > worst*worst {
			worst = err
		}
	}
	b.ReportMetric(worst, "rate-err-%")
	b.ReportMetric(0, "ns/op")
}

func benchmarkDelay(b *testing.B, c link.Config) {
	r := startRelay(b, Config{Up: c})
	var late []time.Duration
	for b.Loop() {
		got := course(b, r, c.Rate/2)
		model := link.New[int](got[0].sent, c)
		for i := range got {
			model.Send(got[i].sent, link.Datagram[int]{Size: benchPayload, Payload: i})
			due := model.Deadline()
			model.Take(due)
			late = append(late, got[i].came.Sub(due))
		}
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/100])/1e6, "delay-err-p1-ms")
	b.ReportMetric(float64(late[len(late)/2])/1e6, "delay-err-p50-ms")
	b.ReportMetric(float64(late[len(late)*99/100])/1e6, "delay-err-p99-ms")
	b.ReportMetric(0, "ns/op")
}

// A trip is one datagram's: the times are the sender's, before it sends, and the
// kernel's, when it arrives.
type trip struct{ sent, came time.Time }

// course sends at a rate for benchSpan and returns the trips that were completed.
func course(b *testing.B, r *Relay, rate float64) []trip {
	host, world := newParty(b, "127.0.0.1:0"), newParty(b, "127.0.0.1:0")
	defer host.Close()
	defer world.Close()
	raw, err := world.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1) })
	done := make(chan []trip)
	go func() { done <- receiveTrips(world.UDPConn) }()
	start := time.Now()
	gap := time.Duration((benchPayload + 28) * 8e9 / rate)
	out := AppendHeader(nil, world.addr)
	head := len(out)
	out = append(out, make([]byte, benchPayload)...)
	for next := start; next.Sub(start) < benchSpan; next = next.Add(gap) {
		if d := time.Until(next); d > 0 {
			poll(nil, d)
		}
		binary.BigEndian.PutUint64(out[head:], uint64(time.Since(benchEpoch)))
		host.send(out, r.Inside())
	}
	world.SetReadDeadline(time.Now().Add(drainTime))
	return <-done
}

var benchEpoch = time.Now()

// receiveTrips reads until the deadline.
func receiveTrips(c *net.UDPConn) (trips []trip) {
	data, control := make([]byte, 2048), make([]byte, unix.CmsgSpace(16))
	for {
		n, controls, _, _, err := c.ReadMsgUDPAddrPort(data, control)
		if err != nil {
			return trips
		}
		if n == benchPayload {
			sent := benchEpoch.Add(time.Duration(binary.BigEndian.Uint64(data)))
			trips = append(trips, trip{sent, arrival(control[:controls], time.Now())})
		}
	}
}
