// SPDX-License-Identifier: Apache-2.0

//go:build linux

package udp_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/ebbproject/ebb/transfer/udp"
	"golang.org/x/sys/unix"
)

// reader is a socket of another program, which tells the traffic class that each datagram arrived with.
type reader struct {
	t      *testing.T
	socket *net.UDPConn
}

func newReader(t *testing.T, network string, address netip.AddrPort) *reader {
	t.Helper()
	socket, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if network == "udp4" {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
			return
		}
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return &reader{t, socket}
}

func (r *reader) address() netip.AddrPort { return r.socket.LocalAddr().(*net.UDPAddr).AddrPort() }

// class reads one datagram: its TOS byte (IPv4) or traffic class (IPv6).
func (r *reader) class() int {
	r.t.Helper()
	data, control := make([]byte, 2000), make([]byte, 256)
	_, n, _, _, err := r.socket.ReadMsgUDPAddrPort(data, control)
	if err != nil {
		r.t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		r.t.Fatal(err)
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_TOS:
			return int(m.Data[0])
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_TCLASS:
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	r.t.Fatal("the system does not tell the traffic class")
	return 0
}

// RFC 8622, section 2: "the Lower-Effort (LE) ... DSCP value is '000001'". RFC 3168, section 5: ECT(0) is '10', and ECT(1), '01', belongs to
// others (RFC 9331). Every datagram has both, sent alone or cut from a batch, whatever family the socket is for.
func TestEveryDatagramIsLowEffortAndECNCapable(t *testing.T) {
	const want = 0b000001_10
	if udp.LowEffort|udp.ECT0 != want {
		t.Fatalf("LowEffort|ECT0 is %#02x", udp.LowEffort|udp.ECT0)
	}
	for _, c := range []struct {
		name, network string
		from, to      netip.AddrPort
	}{
		{"IPv4", "udp4", loopback4, loopback4},
		{"IPv6", "udp6", loopback6, loopback6},
		{"IPv4 from a socket for both", "udp4", netip.AddrPort{}, loopback4},
		{"IPv6 from a socket for both", "udp6", netip.AddrPort{}, loopback6},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.network == "udp6" {
				needIPv6(t)
			}
			to := newReader(t, c.network, c.to)
			from := listen(t, udp.Config{Address: c.from, TrafficClass: udp.LowEffort | udp.ECT0})
			for _, count := range []int{1, 5} {
				if err := from.WriteBatch(to.address(), make([]byte, count*1000), 1000); err != nil {
					t.Fatal(err)
				}
				for i := range count {
					if got := to.class(); got != want {
						t.Errorf("datagram %d of a batch of %d arrives with traffic class %#02x, want %#02x", i+1, count, got, want)
					}
				}
			}
		})
	}
}
