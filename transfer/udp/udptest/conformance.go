// SPDX-License-Identifier: Apache-2.0

package udptest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/ebbproject/ebb/transfer/udp"
)

// Open gives two sockets that reach each other at the addresses returned, without loss while little is under way. It
// arranges for their closing at the end of the test.
type Open func(t *testing.T) (a, b Peer)

// Peer is a socket and the address at which the other one reaches it and sees it.
type Peer struct {
	Socket  udp.Socket
	Address netip.AddrPort
}

// Conformance is what every udp.Socket must do.
func Conformance(t *testing.T, open Open) {
	for name, test := range map[string]func(t *testing.T, a, b Peer){
		"a batch arrives as its segments":        segmentsArrive,
		"a short last segment stays short":       shortLast,
		"one datagram":                           one,
		"the sizes that systems cut differently": sizes,
		"both directions and the sender's name":  bothWays,
		"data may be reused after writing":       reuse,
		"nobody listening does not end a socket": nobody,
		"too big is a typed error":               tooBig,
		"a batch must have a segment size":       noSegment,
		"closing wakes the reader":               closing,
		"many writers":                           writers,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t)
			test(t, a, b)
		})
	}
}

// batch is count numbered datagrams of size bytes.
func batch(count, size int) []byte {
	all := make([]byte, count*size)
	for i := range count {
		binary.BigEndian.PutUint16(all[i*size:], uint16(i))
	}
	return all
}

// collect reads until count datagrams came and gives a copy of their bytes, in the order of their arrival.
func collect(t *testing.T, p Peer, from netip.AddrPort, count int) [][]byte {
	t.Helper()
	var got [][]byte
	for len(got) < count {
		messages, err := p.Socket.ReadBatch()
		if err != nil {
			t.Fatalf("read after %d of %d datagrams: %v", len(got), count, err)
		}
		if len(messages) == 0 {
			t.Fatal("ReadBatch gave nothing and no error")
		}
		for _, m := range messages {
			if m.From != from {
				t.Fatalf("datagram from %s, want %s", m.From, from)
			}
			if m.CE {
				t.Fatal("a congestion mark where no router was")
			}
			got = append(got, bytes.Clone(m.Data))
		}
	}
	return got
}

func send(t *testing.T, from, to Peer, data []byte, segment int) {
	t.Helper()
	if err := from.Socket.WriteBatch(to.Address, data, segment); err != nil {
		t.Fatal(err)
	}
}

// arrives sends data and wants exactly its segments, in order, as a path without routers keeps it.
func arrives(t *testing.T, from, to Peer, data []byte, segment int) {
	t.Helper()
	send(t, from, to, data, segment)
	count := (len(data) + segment - 1) / segment
	for i, d := range collect(t, to, from.Address, count) {
		want := data[i*segment : min((i+1)*segment, len(data))]
		if !bytes.Equal(d, want) {
			t.Fatalf("segment %d of %d: %d bytes that differ from the %d sent", i, count, len(d), len(want))
		}
	}
}

func segmentsArrive(t *testing.T, a, b Peer) { arrives(t, a, b, batch(20, 1200), 1200) }

func shortLast(t *testing.T, a, b Peer) { arrives(t, a, b, batch(20, 1200)[:19*1200+7], 1200) }

func one(t *testing.T, a, b Peer) {
	arrives(t, a, b, []byte{1}, 1)
	arrives(t, a, b, []byte("shorter than a segment"), 1200)
	arrives(t, a, b, batch(1, 1200), 1200)
	send(t, a, b, nil, 1200) // nothing at all
	arrives(t, a, b, []byte("next"), 1200)
}

func sizes(t *testing.T, a, b Peer) {
	for _, size := range []int{100, 999, 1400, 8000, 32000} {
		for _, count := range []int{2, 3, 63, 64, 65, 129} {
			if size*count <= 200_000 {
				arrives(t, a, b, batch(count, size), size)
			}
		}
	}
}

func bothWays(t *testing.T, a, b Peer) {
	for range 3 {
		arrives(t, a, b, batch(3, 700), 700)
		arrives(t, b, a, batch(5, 300), 300)
	}
}

func reuse(t *testing.T, a, b Peer) {
	data := batch(10, 500)
	want := bytes.Clone(data)
	send(t, a, b, data, 500)
	clear(data)
	if got := bytes.Join(collect(t, b, a.Address, 10), nil); !bytes.Equal(got, want) {
		t.Error("what arrived is what the buffer held later")
	}
}

func nobody(t *testing.T, a, b Peer) {
	if err := b.Socket.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // an error would be loss; an answer by ICMP must not reach the reader
		_ = a.Socket.WriteBatch(b.Address, batch(3, 100), 100)
	}
	// A socket may well send to itself; where it cannot, the last check is all there is.
	if err := a.Socket.WriteBatch(a.Address, []byte("still here"), 100); errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func tooBig(t *testing.T, a, b Peer) {
	err := a.Socket.WriteBatch(b.Address, make([]byte, 70_000), 70_000)
	big, ok := errors.AsType[*udp.TooBigError](err)
	if !ok || big.Size != 70_000 || big.To != b.Address {
		t.Errorf("70,000 bytes to %s: %v, want a TooBigError that says so", b.Address, err)
	}
	arrives(t, a, b, []byte("small enough"), 100)
}

func noSegment(t *testing.T, a, b Peer) {
	for _, segment := range []int{0, -1} {
		if err := a.Socket.WriteBatch(b.Address, []byte("x"), segment); err == nil {
			t.Errorf("segments of %d bytes were taken", segment)
		}
	}
}

func closing(t *testing.T, a, b Peer) {
	read := make(chan error)
	go func() {
		_, err := a.Socket.ReadBatch()
		read <- err
	}()
	if err := a.Socket.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the reader got %v, want net.ErrClosed", err)
	}
	if err := a.Socket.WriteBatch(b.Address, batch(2, 100), 100); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the writer got %v, want net.ErrClosed", err)
	}
}

func writers(t *testing.T, a, b Peer) {
	const count, size = 5, 200
	var group sync.WaitGroup
	for w := range byte(4) {
		group.Go(func() {
			if err := a.Socket.WriteBatch(b.Address, bytes.Repeat([]byte{w}, count*size), size); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var got [4]int
	for _, d := range collect(t, b, a.Address, 4*count) {
		if len(d) != size || !bytes.Equal(d, bytes.Repeat(d[:1], size)) {
			t.Fatal("bytes of two writers in one datagram")
		}
		got[d[0]]++
	}
	if got != [4]int{count, count, count, count} {
		t.Errorf("datagrams by writer: %v, want %d of each", got, count)
	}
}
