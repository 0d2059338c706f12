// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what must come; nothing here depends on when it comes.
const patience = 2 * time.Minute

// A party is somebody with a socket.
type party struct {
	t testing.TB
	*net.UDPConn
	addr netip.AddrPort
}

func newParty(t testing.TB, listen string) *party {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(listen)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadBuffer(socketBuffer)
	return &party{t, c, c.LocalAddr().(*net.UDPAddr).AddrPort()}
}

func (p *party) send(data []byte, to netip.AddrPort) {
	p.t.Helper()
	if _, err := p.WriteToUDPAddrPort(data, to); err != nil {
		p.t.Fatal(err)
	}
}

// via sends through a relay.
func (p *party) via(r *Relay, data []byte, to netip.AddrPort) {
	p.t.Helper()
	p.send(append(AppendHeader(nil, to), data...), r.Inside())
}

func (p *party) receive() ([]byte, netip.AddrPort) {
	p.t.Helper()
	p.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 1<<16)
	n, from, err := p.ReadFromUDPAddrPort(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n], from
}

// unwrap receives what a relay brings, and says who sent it.
func (p *party) unwrap(r *Relay) ([]byte, netip.AddrPort) {
	p.t.Helper()
	b, from := p.receive()
	if from != r.Inside() {
		p.t.Fatalf("a datagram came from %v, not from the inside address %v", from, r.Inside())
	}
	sender, data, err := ParseHeader(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return data, sender
}

func startRelay(t testing.TB, c Config) *Relay {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	r, err := Start(c)
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

// eventually waits until a counter is what it must become.
func eventually(t *testing.T, r *Relay, what string, ok func(Stats) bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(r.Stats()); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%s: %+v", what, r.Stats())
		}
	}
}

func TestBytesAndOrderBothWays(t *testing.T) {
	for _, ip := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(ip, func(t *testing.T) {
			r := startRelay(t, Config{
				Listen: ip,
				Up:     link.Config{Rate: 50e6, Delay: time.Millisecond},
				Down:   link.Config{Rate: 100e6, Delay: 2 * time.Millisecond},
			})
			host, world := newParty(t, ip), newParty(t, ip)
			const rounds, each = 20, 25
			var up, down int64
			for round := range rounds {
				for i := range each { // no more than any receive buffer holds
					data := bytes.Repeat([]byte{byte(i)}, 1+i*round)
					host.via(r, data, world.addr)
					up += int64(len(data))
				}
				for i := range each {
					data, from := world.receive()
					if !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, 1+i*round)) {
						t.Fatalf("datagram %d of round %d: got %d bytes of %d", i, round, len(data), data[0])
					}
					if from != r.Outside(host.addr) {
						t.Fatalf("came from %v, not from %v", from, r.Outside(host.addr))
					}
					world.send(data, from)
					down += int64(len(data))
				}
				for i := range each {
					data, from := host.unwrap(r)
					if !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, 1+i*round)) || from != world.addr {
						t.Fatalf("answer %d of round %d: got %d bytes from %v", i, round, len(data), from)
					}
				}
			}
			if s := r.Stats(); s.UpBytes != up || s.DownBytes != down || s.Hosts != 1 {
				t.Fatalf("sent %d and %d bytes: %+v", up, down, s)
			}
		})
	}
}

func TestFullCone(t *testing.T) {
	r := startRelay(t, Config{})
	one, two := newParty(t, "127.0.0.1:0"), newParty(t, "127.0.0.1:0")
	near, far, stranger := newParty(t, "127.0.0.1:0"), newParty(t, "127.0.0.1:0"), newParty(t, "127.0.0.1:0")
	if got := r.Outside(one.addr); got.IsValid() {
		t.Fatalf("a host that has sent nothing is seen at %v", got)
	}
	outside := map[*party]netip.AddrPort{}
	for _, host := range []*party{one, two} {
		for _, peer := range []*party{near, far, near} {
			host.via(r, []byte("hello"), peer.addr)
			_, from := peer.receive()
			if first, ok := outside[host]; ok && first != from {
				t.Fatalf("one host is seen at %v and at %v", first, from)
			}
			outside[host] = from
		}
	}
	if outside[one] == outside[two] {
		t.Fatal("two hosts are seen at the same address")
	}
	if r.Outside(one.addr) != outside[one] || r.Outside(two.addr) != outside[two] {
		t.Fatal("Outside tells other addresses than the world sees")
	}
	// Who was never sent anything gets through too.
	stranger.send([]byte("who are you?"), outside[two])
	if data, from := two.unwrap(r); string(data) != "who are you?" || from != stranger.addr {
		t.Fatalf("%q from %v", data, from)
	}
	// And so does a neighbour, the long way round.
	one.via(r, []byte("neighbour"), outside[two])
	if data, from := two.unwrap(r); string(data) != "neighbour" || from != outside[one] {
		t.Fatalf("%q from %v", data, from)
	}
}

func TestWhatIsDroppedIsCounted(t *testing.T) {
	r := startRelay(t, Config{Up: link.Config{MTU: 1500, Overhead: 28}, Down: link.Config{MTU: 600}})
	host, world := newParty(t, "127.0.0.1:0"), newParty(t, "127.0.0.1:0")
	host.send([]byte("no header"), r.Inside())
	eventually(t, r, "no header", func(s Stats) bool { return s.Malformed == 1 && s.Hosts == 0 })
	host.via(r, []byte("to the internet"), netip.MustParseAddrPort("192.0.2.1:53"))
	eventually(t, r, "destination", func(s Stats) bool { return s.Foreign == 1 && s.Hosts == 0 })

	for _, size := range []int{1473, 1474, 9000, 65000} {
		host.via(r, make([]byte, size), world.addr)
	}
	eventually(t, r, "oversize", func(s Stats) bool { return s.Up.DroppedTooBig == 4 })
	host.via(r, make([]byte, 1472), world.addr)
	data, outside := world.receive()
	if len(data) != 1472 {
		t.Fatalf("%d bytes came", len(data))
	}
	world.send(make([]byte, 601), outside)
	world.send(make([]byte, 65000), outside)
	eventually(t, r, "oversize down", func(s Stats) bool { return s.Down.DroppedTooBig == 2 })
	world.send(make([]byte, 600), outside)
	if data, _ := host.unwrap(r); len(data) != 600 {
		t.Fatalf("%d bytes came", len(data))
	}
	host.via(r, nil, world.addr)
	if data, _ := world.receive(); len(data) != 0 {
		t.Fatalf("an empty datagram came with %d bytes", len(data))
	}
	if s := r.Stats(); s.UpBytes != 1472 || s.DownBytes != 600 || s.Unsent != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestHostsAreBounded(t *testing.T) {
	r := startRelay(t, Config{})
	world := newParty(t, "127.0.0.1:0")
	for i := range MaxHosts { // stand-ins, to save hundreds of sockets
		addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), uint16(1+i))
		r.mu.Lock()
		r.hosts[addr] = &host{inside: addr}
		r.mu.Unlock()
	}
	newParty(t, "127.0.0.1:0").via(r, []byte("one too many"), world.addr)
	eventually(t, r, "crowded", func(s Stats) bool { return s.Crowded == 1 && s.Hosts == MaxHosts })
}

func TestMemoryIsBounded(t *testing.T) {
	r := startRelay(t, Config{Up: link.Config{Delay: time.Hour}})
	r.mu.Lock()
	defer r.mu.Unlock()
	for range maxInside / r.room {
		if !r.enter(r.up, time.Now(), &parcel{host: &host{}}) {
			t.Fatal("refused early")
		}
	}
	if r.enter(r.up, time.Now(), &parcel{host: &host{}}) || r.stats.Full != 1 {
		t.Fatalf("more than maxInside was taken, %d counted", r.stats.Full)
	}
}

func TestTheLinkDecides(t *testing.T) {
	// Down, a datagram takes 8 s and there is room for two.
	r := startRelay(t, Config{Up: link.Config{Loss: 1}, Down: link.Config{Rate: 1e3, BufferBytes: 2000}})
	host, world := newParty(t, "127.0.0.1:0"), newParty(t, "127.0.0.1:0")
	host.via(r, []byte("lost"), world.addr)
	eventually(t, r, "loss", func(s Stats) bool { return s.Up.DroppedLoss == 1 })
	for range 10 {
		world.send(make([]byte, 1000), r.Outside(host.addr))
	}
	eventually(t, r, "full buffer", func(s Stats) bool { return s.Down.Sent.Packets == 10 })
	if s := r.Stats().Down; s.DroppedBuffer != 8 || s.Inside.Packets != 2 {
		t.Fatalf("%v", s)
	}
}

func TestStartRefuses(t *testing.T) {
	busy := newParty(t, "127.0.0.1:0")
	for want, c := range map[string]Config{
		"give an IP address and a port":  {Listen: "localhost:0"},
		"give a loopback address":        {Listen: "0.0.0.0:0"},
		"the up link: link: Rate":        {Listen: "127.0.0.1:0", Up: link.Config{Rate: -1}},
		"the down link: link: Loss":      {Listen: "127.0.0.1:0", Down: link.Config{Loss: 2}},
		fmt.Sprint(busy.addr.Port()):     {Listen: busy.addr.String()},
		"the up link: link: Overhead of": {Listen: "127.0.0.1:0", Up: link.Config{Overhead: 1500}},
	} {
		if r, err := Start(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
			if err == nil {
				r.Close()
			}
		}
	}
}

func TestCloseInMidFlight(t *testing.T) {
	r, err := Start(Config{Listen: "127.0.0.1:0", Up: link.Config{Rate: 1e6, Delay: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	world := newParty(t, "127.0.0.1:0")
	for range 3 {
		host := newParty(t, "127.0.0.1:0")
		for range 20 {
			host.via(r, make([]byte, 1000), world.addr)
		}
	}
	eventually(t, r, "under way", func(s Stats) bool { return s.Hosts == 3 && s.Up.Delivered.Packets > 0 })
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	before := r.Stats()
	if r.Outside(world.addr).IsValid() || before.Up.Inside.Packets == 0 {
		t.Fatalf("%+v", before)
	}
}
