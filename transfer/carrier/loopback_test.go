// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/transfer/udp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onLoopback listens on a real socket.
func onLoopback(t testing.TB, a *authority, name string, change func(*Config)) *Endpoint {
	t.Helper()
	socket, err := udp.Listen(udp.Config{Address: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Socket: socket, Certificate: a.issue(name, time.Hour), Roots: a.pool()}
	if change != nil {
		change(&c)
	}
	e, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// join dials b from a and returns both ends.
func join(t testing.TB, a, b *Endpoint) (dialed, accepted *Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dialed, err := a.Dial(ctx, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = b.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return dialed, accepted
}

func TestMessagesCrossLoopback(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	a, b := onLoopback(t, fleet, "a", nil), onLoopback(t, fleet, "b", nil)
	dialed, accepted := join(t, a, b)
	if n := dialed.PeerCertificate().Subject.CommonName; n != "b" {
		t.Errorf("dialed %q", n)
	}
	if n := accepted.PeerCertificate().Subject.CommonName; n != "a" {
		t.Errorf("accepted %q", n)
	}
	if accepted.RemoteAddr() != a.Addr() {
		t.Errorf("%v is seen at %v", a.Addr(), accepted.RemoteAddr())
	}
	for _, size := range []int{1, 100, 5000, 65536, MaxMessage} {
		for _, unordered := range []bool{false, true} {
			sent := bytes.Repeat([]byte{byte(size)}, size)
			if err := dialed.Send(sent, unordered); err != nil {
				t.Fatal(err)
			}
			got, err := accepted.Receive(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("sent %d bytes, got %d", len(sent), len(got))
			}
			if err := accepted.Send(got, unordered); err != nil {
				t.Fatal(err)
			}
			if got, err = dialed.Receive(context.Background()); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes came back, %v", len(got), err)
			}
		}
	}
	if mtu := dialed.Stats().MTU; mtu != largestDatagram {
		t.Logf("loopback was judged slow: datagrams of %d bytes", mtu)
	}
	if err := dialed.Close(); err != nil {
		t.Error(err)
	}
	<-accepted.Done()
	t.Log(accepted.Err(), dialed.Err())
}
