// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"

	"github.com/ebbproject/ebb/agent/discovery"
)

// The tests of this file run in a network of their own, of one interface: nobody else hears them. The test binary starts itself there.
const inside = "EBB_DNSSD_INSIDE"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network makes sure that the test runs in a network of its own; it reports whether this is the process inside.
func network(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is missing; install iproute2")
	}
	const up = "ip link set lo up && ip link add lan type veth peer name far && ip link set far up && ip addr add 10.31.0.1/24 dev lan && ip link set lan up"
	cmd := exec.Command("sh", "-c", up+` && exec "$0" -test.run "^`+t.Name()+`$" -test.v`, os.Args[0])
	cmd.Env = append(os.Environ(), inside+"=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func responder(t *testing.T, key []byte, listen string) *Responder {
	t.Helper()
	r, err := Respond(Config{Key: key, Listen: netip.MustParseAddrPort(listen), TLS: 1234})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// heard asks, and returns who answers.
func heard(t *testing.T, q Question) map[discovery.Hint]bool {
	t.Helper()
	var mu sync.Mutex
	all := map[discovery.Hint]bool{}
	err := Ask(context.Background(), q, func(h discovery.Hint) {
		mu.Lock()
		defer mu.Unlock()
		all[h] = true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Hosts of one fleet hear one another; one of another fleet is not heard, and nobody hears himself.
func TestOneFleetHearsItself(t *testing.T) {
	if !network(t) {
		return
	}
	own := responder(t, key, "[::]:8001")
	responder(t, key, "10.31.0.1:8002")
	responder(t, []byte("another fleet's"), "[::]:8003")
	got := heard(t, Question{Key: key, Listen: netip.IPv6Unspecified(), Not: own.Name()})
	want := discovery.Hint{Addr: netip.MustParseAddrPort("10.31.0.1:8002"), TLS: 1234}
	if len(got) != 1 || !got[want] {
		t.Errorf("heard %v", got)
	}
	if got := heard(t, Question{Key: []byte("another fleet's"), Listen: netip.IPv6Unspecified()}); len(got) != 1 {
		t.Errorf("the other fleet heard %v", got)
	}
}

// Where an interface has IPv6 alone, it is asked there; where it has both, over IPv4, so that nobody is met at two addresses.
func TestIPv6(t *testing.T) {
	if !network(t) {
		return
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Skipf("%v: %s", err, out)
		}
	}
	ip("-6", "addr", "add", "fd00:31::1/64", "dev", "lan", "nodad")
	responder(t, key, "[::]:8001")
	responder(t, key, "[fd00:31::1]:8002")
	responder(t, key, "0.0.0.0:8003")
	q := Question{Key: key, Listen: netip.IPv6Unspecified()}
	if got := heard(t, q); len(got) != 2 {
		t.Errorf("over IPv4 it heard %v", got)
	}
	ip("addr", "del", "10.31.0.1/24", "dev", "lan")
	got := heard(t, q)
	for _, addr := range []string{"[fd00:31::1]:8001", "[fd00:31::1]:8002"} {
		if !got[discovery.Hint{Addr: netip.MustParseAddrPort(addr), TLS: 1234}] || len(got) != 2 {
			t.Errorf("over IPv6 it heard %v", got)
		}
	}
}

// Without an interface that takes multicast the error says so; one that comes later is found, by who asks at once, by who answers soon.
func TestInterfacesComeAndGo(t *testing.T) {
	if !network(t) {
		return
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	ip("link", "set", "lan", "down")
	r := responder(t, key, "[::]:8001")
	q := Question{Key: key, Listen: netip.IPv6Unspecified()}
	if err := Ask(context.Background(), q, func(discovery.Hint) {}); !errors.Is(err, ErrNoMulticast) {
		t.Errorf("%v", err)
	}
	ip("link", "set", "lan", "up")
	for end := time.Now().Add(2 * lookEvery); len(heard(t, q)) == 0; {
		if time.Now().After(end) {
			t.Fatal("the interface that came is not found")
		}
	}
	_ = r
}

// A program that browses is answered to everybody, once a second at most; a flood of questions gets few answers, none of them longer
// than the question, and a short question from a port of its own gets none.
func TestAnswersAreBounded(t *testing.T) {
	if !network(t) {
		return
	}
	responder(t, key, "[::]:8001")
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 31, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	lan, err := net.InterfaceByName("lan")
	if err != nil {
		t.Fatal(err)
	}
	if err := ipv4.NewPacketConn(c).SetMulticastInterface(lan); err != nil {
		t.Fatal(err)
	}
	short := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: serviceName, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}}}
	bare, err := short.Pack()
	if err != nil {
		t.Fatal(err)
	}
	long, err := question(7)
	if err != nil {
		t.Fatal(err)
	}
	const questions = 2000
	began := time.Now()
	for range questions {
		for _, b := range [][]byte{bare, long} {
			if _, err := c.WriteToUDP(b, &net.UDPAddr{IP: four.group, Port: groupPort}); err != nil {
				t.Fatal(err)
			}
		}
	}
	answers, buffer := 0, make([]byte, maxMessage)
	for {
		_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := c.Read(buffer)
		if err != nil {
			break
		}
		if answers++; n > len(long) {
			t.Errorf("%d bytes to a question of %d", n, len(long))
		}
		if _, err := parse(buffer[:n], 7); err != nil {
			t.Errorf("an answer to the short question: %v", err)
		}
	}
	if most := answersEach * (2 + int(time.Since(began)/time.Second)); answers == 0 || answers > most {
		t.Errorf("%d answers to %d questions, at most %d expected", answers, questions, most)
	}
}
