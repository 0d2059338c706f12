// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/link"
)

const (
	benchPayload = 1200
	benchPacket  = benchPayload + 28
	benchSpan    = 2 * time.Second        // of sending, for each iteration
	drainTime    = 300 * time.Millisecond // longer than the link holds anything
)

// BenchmarkTunnel measures how exact the tunnel is: the rate under an overload of 20 %, and the delay of datagrams at half the rate,
// from left to right, against what a link says that is told the same. Metrics: rate-err-%, the worst, with its sign; delay-err p1, p50
// and p99, where late is positive.
//
// It needs root. Sender and loop have real-time priority and a processor of the Go runtime each, so that a busy machine disturbs little;
// what it means is the lateness of the loop in a process of its own, as ebb link is. Run it with -benchtime 3x or so.
func BenchmarkTunnel(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the tunnel makes no garbage, the measurement does
	for _, mbit := range []float64{5, 20, 100} {
		c := link.Config{Rate: mbit * 1e6, Delay: 20 * time.Millisecond, BufferTime: 100 * time.Millisecond}
		b.Run(fmt.Sprintf("rate/%vMbit", mbit), func(b *testing.B) { benchmarkRate(b, c) })
		b.Run(fmt.Sprintf("delay/%vMbit", mbit), func(b *testing.B) { benchmarkDelay(b, c) })
	}
}

func benchmarkRate(b *testing.B, l link.Config) {
	_, c := open(b, l, l)
	var worst float64
	for b.Loop() {
		got := course(b, c, 1.2*l.Rate)
		first, last := got[0].came, got[len(got)-1].came
		if err := 100 * (float64(len(got)-1)*benchPacket*8/last.Sub(first).Seconds()/l.Rate - 1); err*err > worst*worst {
			worst = err
		}
	}
	b.ReportMetric(worst, "rate-err-%")
	b.ReportMetric(0, "ns/op")
}

func benchmarkDelay(b *testing.B, l link.Config) {
	_, c := open(b, l, l)
	var late []time.Duration
	for b.Loop() {
		got := course(b, c, l.Rate/2)
		model := link.New[int](got[0].sent, l)
		for i := range got {
			model.Send(got[i].sent, link.Datagram[int]{Size: benchPacket})
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

// A trip is one datagram's: the times are the sender's, before it sends, and the kernel's, when it arrives.
type trip struct{ sent, came time.Time }

var benchEpoch = time.Now()

// course sends at a rate for benchSpan and returns the trips that were completed.
func course(b *testing.B, c Config, rate float64) []trip {
	left, right := socket(b, c.Left), socket(b, c.Right)
	defer left.Close()
	defer right.Close()
	control(b, right, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
	control(b, right, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	to := right.LocalAddr().(*net.UDPAddr).AddrPort()
	done := make(chan []trip)
	go func() { done <- receiveTrips(right) }()
	sent := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		hurry()
		sent <- send(left, to, rate)
	}()
	if err := <-sent; err != nil {
		b.Fatal(err)
	}
	right.SetReadDeadline(time.Now().Add(drainTime))
	trips := <-done
	if len(trips) < 2 {
		b.Fatal("nothing came")
	}
	return trips
}

func send(conn *net.UDPConn, to netip.AddrPort, rate float64) error {
	begin := time.Now()
	gap := time.Duration(benchPacket * 8e9 / rate)
	out := make([]byte, benchPayload)
	for next := begin; next.Sub(begin) < benchSpan; next = next.Add(gap) {
		if d := time.Until(next); d > 0 {
			sleep(nil, d)
		}
		binary.BigEndian.PutUint64(out, uint64(time.Since(benchEpoch)))
		if _, err := conn.WriteToUDPAddrPort(out, to); err != nil {
			return err
		}
	}
	return nil
}

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

// arrival is when the kernel says that a datagram came, in the terms of now.
func arrival(control []byte, now time.Time) time.Time {
	header, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || header.Type != unix.SO_TIMESTAMPNS_NEW || len(data) < 16 {
		return now
	}
	at := time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
	return now.Add(-now.Sub(at))
}
