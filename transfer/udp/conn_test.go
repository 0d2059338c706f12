// SPDX-License-Identifier: Apache-2.0

package udp_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/transfer/udp"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	loopback4 = netip.MustParseAddrPort("127.0.0.1:0")
	loopback6 = netip.MustParseAddrPort("[::1]:0")
)

func listen(t testing.TB, c udp.Config) *udp.Conn {
	t.Helper()
	conn, err := udp.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func needIPv6(t testing.TB) {
	conn, err := udp.Listen(udp.Config{Address: loopback6})
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	_ = conn.Close()
}

// modestBuffer is what Linux gives to everybody without being configured (net.core.rmem_max).
const modestBuffer = 212992

// open gives sockets on one address each; the other end sees them there.
func open(address netip.AddrPort, change func(*udp.Conn)) udptest.Open {
	return func(t *testing.T) (a, b udptest.Peer) {
		for _, p := range []*udptest.Peer{&a, &b} {
			conn := listen(t, udp.Config{Address: address, TrafficClass: udp.LowEffort | udp.ECT0, Buffer: modestBuffer})
			if change != nil {
				change(conn)
			}
			p.Socket, p.Address = conn, conn.LocalAddr()
		}
		return a, b
	}
}

func TestIPv4Conforms(t *testing.T) { udptest.Conformance(t, open(loopback4, nil)) }

func TestIPv6Conforms(t *testing.T) {
	needIPv6(t)
	udptest.Conformance(t, open(loopback6, nil))
}

// A socket for both families names IPv4 peers by their IPv4 addresses.
func TestBothFamiliesConform(t *testing.T) {
	udptest.Conformance(t, func(t *testing.T) (a, b udptest.Peer) {
		for _, p := range []*udptest.Peer{&a, &b} {
			conn := listen(t, udp.Config{Buffer: modestBuffer})
			p.Socket, p.Address = conn, netip.AddrPortFrom(loopback4.Addr(), conn.LocalAddr().Port())
		}
		return a, b
	})
}

// Addresses written as IPv4 inside IPv6 mean the same.
func TestMappedAddresses(t *testing.T) {
	a, b := listen(t, udp.Config{Address: netip.MustParseAddrPort("[::ffff:127.0.0.1]:0")}), listen(t, udp.Config{Address: loopback4})
	if !a.LocalAddr().Addr().Is4() {
		t.Errorf("local address %s", a.LocalAddr())
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(b.LocalAddr().Addr().As16()), b.LocalAddr().Port())
	if err := a.WriteBatch(mapped, []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	if got, err := b.ReadBatch(); err != nil || got[0].From != a.LocalAddr() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPortInUse(t *testing.T) {
	first := listen(t, udp.Config{Address: loopback4})
	_, err := udp.Listen(udp.Config{Address: first.LocalAddr()})
	if err == nil || !strings.Contains(err.Error(), first.LocalAddr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second socket on one port: %v", err)
	}
}
