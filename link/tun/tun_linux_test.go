// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/link"
)

// open starts a tunnel between two namespaces of its own.
func open(t testing.TB, forward, reverse link.Config) (*Tunnel, Config) {
	t.Helper()
	if err := permitted(); err != nil {
		t.Skipf("run it as root: %v", err)
	}
	c := example()
	c.Left.Namespace, c.Right.Namespace = fmt.Sprintf("ebbtest%dl", os.Getpid()), fmt.Sprintf("ebbtest%dr", os.Getpid())
	c.Create, c.Forward, c.Reverse = true, forward, reverse
	tunnel, err := Start(c)
	if errors.Is(err, ErrNoTUN) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tunnel.Close(), tunnel.Close()); err != nil {
			t.Error(err)
		}
		for _, e := range []End{c.Left, c.Right} {
			if _, err := os.Stat(path(e.Namespace)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left: %v", e.Namespace, err)
			}
		}
	})
	return tunnel, c
}

// socket is a UDP socket at an end, which receives for at most a few seconds.
func socket(t testing.TB, e End) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := In(e.Namespace, func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(e.Address.Addr(), 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func control(t testing.TB, conn *net.UDPConn, level, name, value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var bad error
	if err := raw.Control(func(fd uintptr) { bad = unix.SetsockoptInt(int(fd), level, name, value) }); err != nil || bad != nil {
		t.Fatal(err, bad)
	}
}

func TestADatagramTakesAtLeastTheDelay(t *testing.T) {
	const there, back = 30 * time.Millisecond, 10 * time.Millisecond
	_, c := open(t, link.Config{Delay: there}, link.Config{Delay: back})
	left, right := socket(t, c.Left), socket(t, c.Right)
	data := make([]byte, 100)
	for i := range 5 {
		begin := time.Now()
		if _, err := left.WriteTo([]byte{byte(i)}, right.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		n, from, err := right.ReadFrom(data)
		if err != nil || n != 1 || data[0] != byte(i) || from.String() != left.LocalAddr().String() {
			t.Fatalf("% x from %v: %v", data[:n], from, err)
		}
		if d := time.Since(begin); d < there-grain {
			t.Errorf("it was there after %v", d)
		}
		begin = time.Now()
		if _, err := right.WriteTo([]byte{byte(i)}, from); err != nil {
			t.Fatal(err)
		}
		if _, _, err := left.ReadFrom(data); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d < back-grain {
			t.Errorf("it was back after %v", d)
		}
	}
}

func TestECNSurvives(t *testing.T) {
	_, c := open(t, link.Config{}, link.Config{})
	left, right := socket(t, c.Left), socket(t, c.Right)
	control(t, right, unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
	data, oob := make([]byte, 100), make([]byte, 100)
	for ecn := range 4 {
		control(t, left, unix.IPPROTO_IP, unix.IP_TOS, 0x20|ecn)
		if _, err := left.WriteTo([]byte("ecn"), right.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_, n, _, _, err := right.ReadMsgUDP(data, oob)
		if err != nil {
			t.Fatal(err)
		}
		_, got, _, err := unix.ParseOneSocketControlMessage(oob[:n])
		if err != nil || len(got) < 1 || got[0] != byte(0x20|ecn) {
			t.Errorf("sent with ECN %02b, came with % x: %v", ecn, got, err)
		}
	}
}

func TestTheLinkDecides(t *testing.T) {
	// One datagram takes 10 s to leave, and there is room for two.
	tunnel, c := open(t, link.Config{Rate: 1e3, BufferBytes: 2600}, link.Config{})
	left, right := socket(t, c.Left), socket(t, c.Right)
	for range 10 {
		if _, err := left.WriteTo(make([]byte, 1250), right.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); tunnel.Stats().Forward.Link.Sent.Packets < 10; {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", tunnel.Stats())
		}
		sleep(nil, time.Millisecond)
	}
	s := tunnel.Stats().Forward
	if s.Link.DroppedBuffer != 8 || s.Link.Inside.Packets != 2 || s.Link.Sent.Bytes != 10*1278 || s.Full+s.Unsent != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAStreamArrivesWhole(t *testing.T) {
	_, c := open(t, link.Config{Rate: 50e6, Delay: time.Millisecond, Loss: 0.01}, link.Config{Rate: 50e6})
	var l net.Listener
	err := In(c.Right.Namespace, func() (err error) {
		l, err = net.Listen("tcp4", c.Right.Address.Addr().String()+":0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sent := bytes.Repeat([]byte("a stream through two links "), 20000)
	go func() {
		_ = In(c.Left.Namespace, func() error {
			conn, err := net.Dial("tcp4", l.Addr().String())
			if err != nil {
				return err
			}
			_, err = conn.Write(sent)
			return errors.Join(err, conn.Close())
		})
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(conn); err != nil || !bytes.Equal(got.Bytes(), sent) {
		t.Fatalf("%d of %d bytes: %v", got.Len(), len(sent), err)
	}
}

func TestNamespacesAreNamed(t *testing.T) {
	_, c := open(t, link.Config{}, link.Config{})
	if _, err := Start(c); !errors.Is(err, ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	c.Create = false
	if _, err := Start(c); err == nil {
		t.Error("two tunnels between the same ends")
	}
	c.Left.Namespace += "x"
	if _, err := Start(c); !errors.Is(err, ErrNoNamespace) {
		t.Errorf("no namespace: %v", err)
	}
	if err := In("no/such/file", func() error { return nil }); !errors.Is(err, ErrNoNamespace) {
		t.Errorf("no namespace: %v", err)
	}
}

func TestSamplesTellTheQueue(t *testing.T) {
	if err := permitted(); err != nil {
		t.Skipf("run it as root: %v", err)
	}
	full := make(chan Sample, 1)
	c := example()
	c.Left.Namespace, c.Right.Namespace, c.Create = fmt.Sprintf("ebbtest%dl", os.Getpid()), fmt.Sprintf("ebbtest%dr", os.Getpid()), true
	c.Forward = link.Config{Rate: 1e3}
	c.Sampled = func(s Sample) {
		if s.Forward.Delay > 0 {
			select {
			case full <- s:
			default:
			}
		}
	}
	tunnel, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tunnel.Close()
	left, right := socket(t, c.Left), socket(t, c.Right)
	if _, err := left.WriteTo(make([]byte, 1222), right.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	s := <-full
	if s.Forward.Delay > 10*time.Second || s.Reverse.Delay != 0 || s.Forward.Left.Packets != 0 || s.At.IsZero() {
		t.Errorf("%+v", s)
	}
}

// A packet that can be marked comes out marked, with a checksum that the kernel accepts.
func TestTheLinkMarks(t *testing.T) {
	// RED marks the more the more waits, and ten datagrams are about where it marks them all.
	tunnel, c := open(t, link.Config{Rate: 1e6, AQM: link.RED{Min: 1, Max: 12000, MaxP: 1, Weight: 1, ECN: true}}, link.Config{})
	left, right := socket(t, c.Left), socket(t, c.Right)
	control(t, right, unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
	control(t, left, unix.IPPROTO_IP, unix.IP_TOS, int(link.ECT0))
	for range 10 {
		if _, err := left.WriteTo(make([]byte, 1200), right.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	marked := int64(0)
	data, oob := make([]byte, 2000), make([]byte, 100)
	for range 10 {
		_, n, _, _, err := right.ReadMsgUDP(data, oob)
		if err != nil {
			t.Fatal(err)
		}
		_, got, _, err := unix.ParseOneSocketControlMessage(oob[:n])
		if err != nil || len(got) < 1 {
			t.Fatal(got, err)
		}
		if link.ECN(got[0]) == link.CE {
			marked++
		}
	}
	if s := tunnel.Stats().Forward.Link; marked == 0 || marked != s.Marked {
		t.Errorf("%d came marked: %v", marked, s)
	}
}
