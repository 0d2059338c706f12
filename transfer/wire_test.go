// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/golden"
)

func idOf(b byte) (id ID) {
	for i := range id {
		id[i] = b
	}
	return id
}

// examples is at least one message of every type, with fields at their ends.
var examples = []Message{
	Hello{MinVersion: 1, MaxVersion: 1},
	Hello{MinVersion: 1, MaxVersion: 65535, MaxWants: 256, MaxInterests: 1024, Peer: "berlin/till-7",
		Capabilities: []string{"resume", "zstd"}, Observed: netip.MustParseAddrPort("203.0.113.9:4433")},
	Hello{MinVersion: 2, MaxVersion: 3, Observed: netip.MustParseAddrPort("[2001:db8::1]:65535")},
	Bye{Reason: ByeDone}, Bye{Reason: ByeReplaced},
	Ping{}, Ping{Nonce: 127}, Ping{Nonce: 128}, Pong{Nonce: 1<<64 - 1},
	Interest{Content: idOf(0xd1), On: true}, Interest{Content: idOf(0xd1)},
	Have{Content: idOf(0xd1), Total: MaxChunks, Count: MaxChunks, Held: []Run{{0, MaxChunks}}},
	Have{Content: idOf(0xd1), Total: 64, Count: 64, Held: []Run{{3, 10}, {14, 50}}},
	Have{Content: idOf(0xd1), Total: 10, Count: 10, Held: []Run{{1, 1}, {3, 1}, {5, 1}, {7, 1}, {9, 1}}},
	Gained(idOf(0xd1), 1000, 999), Lost(idOf(0xd1), 1000, 0),
	Want{Request: 1, Kind: KindChunk, ID: idOf(0xc1), Size: 1},
	Want{Request: 1<<32 - 1, Kind: KindManifest, Priority: 255, ID: idOf(0xc2), Size: MaxReply},
	Data{Request: 7, Total: 3, Bytes: []byte{1, 2, 3}},
	Data{Request: 300, Offset: MaxReply - 1, Total: MaxReply, Bytes: []byte{0xff}},
	Cancel{Request: 7}, Refuse{Request: 7, Reason: ReasonUnknown}, Refuse{Request: 7, Reason: ReasonTooMany},
	Find{Request: 7, Name: "debian-13"}, Found{Request: 7, ID: idOf(0xd1)},
	Refuse{Request: 7, Reason: ReasonRate}, Limit{}, Limit{Rate: 2_500_000}, Limit{Rate: 1<<64 - 1},
	Stand{Content: idOf(0xd1)}, Stand{Content: idOf(0xd1), Weight: MaxWeight},
	Claim{Content: idOf(0xd1), Token: 1, Holder: "till-7", Weight: 1, Left: 0},
	Claim{Content: idOf(0xd1), Range: MaxChunks - 1, Token: maxToken, Holder: strings.Repeat("h", MaxPeerName), Life: 1<<32 - 1,
		Weight: MaxWeight, Beat: 1<<32 - 1, State: LeaseHeld, Left: MaxLeft, Bytes: maxToken},
	Budget{Epoch: 1, Coordinator: "a", Seq: 1},
	Budget{Direction: Downwards, Epoch: 1<<64 - 1, Coordinator: strings.Repeat("h", MaxPeerName), Seq: 1<<64 - 1},
	Budget{Kind: BudgetAsk, Epoch: 3, Coordinator: "till-7", Seq: 9, Weight: 1},
	Budget{Kind: BudgetAsk, Epoch: 3, Coordinator: "till-7", Seq: 9, Number: 1<<64 - 1, Rate: maxBudgetRate, Weight: MaxBudgetWeight},
	Budget{Kind: BudgetGrant, Epoch: 3, Coordinator: "till-7", Seq: 9, Number: 4, Rate: 625_000, Life: MaxBudgetLease},
	Budget{Direction: Downwards, Kind: BudgetGrant, Epoch: 3, Coordinator: "till-7", Seq: 9, Number: 5},
	Budget{Kind: BudgetTook, Epoch: 3, Coordinator: "till-7", Seq: 9, Number: 4},
	Letter{Number: 1, Total: 3, Bytes: []byte{1, 2, 3}}, Letter{Kind: LetterRefused, Number: 1<<64 - 1},
	Letter{Kind: LetterAnswer, Number: 7, Next: MaxNext, Offset: MaxLetter - 1, Total: MaxLetter, Bytes: []byte{0xff}},
	Claim{Content: idOf(0xd1), Range: 3, Token: 2, Holder: "till-7", Life: 9, Weight: 4, Beat: 5, State: LeaseDone, Bytes: 1 << 20},
}

// malformed is what no message is: a byte of each rule in WIRE.md the other way.
var malformed = []string{
	"", "00", "10", "01", "02", "03", "06", "07", "08", // empty, unknown, cut off
	"02.07", "02.00.00", // bye: unknown reason, too long
	"03.8000", "03.ffffffffffffffffff02", "03.80", // ping: not shortest, more than 64 bits, cut off
	"01.00.01.00.00.00.00.00", "01.02.01.00.00.00.00.00", // hello: version 0, versions the wrong way round
	"01.01.808004.00.00.00.00.00", "01.01.01.8080808010.00.00.00.00", // hello: numbers too large
	"01.01.01.00.00.01.20.00.00", "01.01.01.00.00.8101.61*129.00.00", // hello: a blank in the name, too long a name
	"01.01.01.00.00.00.11.00", "01.01.01.00.00.00.02.0161.0161.00", "01.01.01.00.00.00.02.0162.0161.00", // hello: 17 capabilities, twice, descending
	"01.01.01.00.00.00.01.00.00", "01.01.01.00.00.00.01.0141.00", // hello: capability empty, in capitals
	"01.01.01.00.00.00.00.05", "01.01.01.00.00.00.00.04.7f000001.00", // hello: unknown family, port cut off
	"01.01.01.00.00.00.00.06.00*10.ffff.7f000001.0000", // hello: IPv4 in IPv6
	"05.d1*31.01", "05.d1*32.02", // interest: id cut off, switch 2
	"06.d1*32.00.00.01.00", "06.d1*32.81808004.00.01.00", // have: no chunks, too many
	"06.d1*32.0a.0a.01.00", "06.d1*32.0a.01.0a.00", "06.d1*32.0a.00.00.00", // have: range outside, empty
	"06.d1*32.10.00.10.02", "06.d1*32.10.00.10.00.00.11", "06.d1*32.10.00.10.00.00", // have: form 2, run outside, run cut off
	"06.d1*32.10.00.10.00.01.00", "06.d1*32.20.00.20.00.01.01.00.01", // have: empty run, runs that touch
	"06.d1*32.10.00.10.01.ffff", "06.d1*32.08.00.08.00.00.08", // have: bits where runs are not longer, runs where bits are shorter
	"06.d1*32.05.00.05.01.35", "06.d1*32.09.00.09.01.00", "06.d1*32.09.00.09.01.aa.00.00", // have: bits set behind the end, bits missing, too many
	"07.00.01.00.c1*32.01", "07.8080808010.01.00.c1*32.01", "07.01.00.00.c1*32.01", "07.01.03.00.c1*32.01", // want: request 0 and 2^32, kinds 0 and 3
	"07.01.01.00.c1*32.00", "07.01.01.00.c1*32.81808020", "07.01.01.00.c1*32.01.00", // want: sizes 0 and too large, too long
	"08.01.00.03", "08.01.00.00.01", "08.01.00.81808020.01", // data: no bytes, total 0, total too large
	"08.01.00.03.01020304", "08.01.03.03.01", "08.01.00.e807.01*511", // data: behind the end, crumbs
	"09.00", "0a.01.0f", "0a.01", // cancel 0, refuse: unknown reason, none
	"0b.01.00", "0b.01.8101.61*129", "0b.01.01.20", "0b.01.02.61", "0b.01.01.6161", // find: no name, too long, blank, cut off, too long
	"0c.01.d1*31", "0c.01.d1*33", // found: id too short, too long
	"14", "14.8000", "14.01.00", "14.ff*9.02", // limit: no rate, not the shortest form, too long, too large
	"0e.d1*31", "0e.d1*32", "0e.d1*32.11", "0e.d1*32.00.00", // stand: id cut off, no weight, too large, too long
	"0f.d1*32.00.00.01.61.00.01.00.00.00.00", "0f.d1*32.80808004.01.01.61.00.01.00.00.00.00", // claim: token 0, range too large
	"0f.d1*32.00.01.00.00.01.00.00.00.00", "0f.d1*32.00.01.01.20.00.01.00.00.00.00", // claim: no holder, a blank in it
	"0f.d1*32.00.01.01.61.00.00.00.00.00.00", "0f.d1*32.00.01.01.61.00.11.00.00.00.00", // claim: weights 0 and 17
	"0f.d1*32.00.01.01.61.00.01.00.03.00.00", "0f.d1*32.00.01.01.61.00.01.00.01.e1d403.00", // claim: state 3, more than a minute left
	"0f.d1*32.00.01.01.61.00.01.00.00.01.00", "0f.d1*32.00.01.01.61.00.01.00.00.00", "0f.d1*32.00.01.01.61.00.01.00.00.00.00.00", // claim: time left of what is released, cut off, too long
	"0d", "0d.02.00.01.01.61.01", "0d.00.04.01.01.61.01", // budget: cut off, direction 2, kind 4
	"0d.00.00.00.01.61.01", "0d.00.00.01.00.01", "0d.00.00.01.01.20.01", "0d.00.00.01.01.61.00", // budget: epoch 0, no coordinator, a blank in it, beat 0
	"0d.00.00.01.01.61.01.00", "0d.00.01.01.01.61.01.00.00", "0d.00.01.01.01.61.01.00.00.00", // budget: a beat too long, an ask cut off, weights 0 ...
	"0d.00.01.01.01.61.01.00.00.65", "0d.00.01.01.01.61.01.00.81808080808080.02.01", // ... and 101, a rate too large
	"0d.00.02.01.01.61.01.00.01.00", "0d.00.02.01.01.61.01.01.01.e907", "0d.00.03.01.01.61.01.00", // budget: grant 0, more than a second, grant 0
	"0d.00.02.01.01.61.01.01.01.e807.00", "0d.00.03.01.01.61.01.8000", // budget: too long, not the shortest form
	"11", "10.03.01", "10.00.00.00.01.ff", "10.02.00", "10.02.01.00", // unknown; letter: kind 3, number 0, number 0, too long
	"10.00.01.00.00", "10.00.01.00.01", "10.00.01.00.01.ffff", "10.00.01.00.8008.ff*511", // letter: of nothing, no bytes, behind the end, crumbs
	"10.00.01.00.818008.ff", "10.01.01.914e.00.01.ff", "10.01.01.00", // letter: too large, more than ten seconds, cut off
	"0b.01*17000", "08.01*270000", "10.00.01.00.808008.01*17000", // absurd length
}

// TestVectors holds the wire format against testdata/vectors.txt, which other implementations can read: bytes in hex
// (xx*N is N times xx) and what they say, or why they say nothing.
func TestVectors(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The wire format of WIRE.md by example. xx*N is the byte xx, N times.\n\n")
	for _, m := range examples {
		wire := m.Append(nil)
		got, err := Parse(wire)
		if err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		if again := got.Append(nil); !bytes.Equal(again, wire) || got.String() != m.String() {
			t.Errorf("%v comes back as %v", m, got)
		}
		fmt.Fprintf(&b, "%s\n\t%v\n", runsOfBytes(wire), m)
	}
	b.WriteString("\n# What is refused.\n\n")
	for _, bad := range malformed {
		wire := []byte(nil)
		if bad != "" {
			wire = unhex(t, bad)
		}
		m, err := Parse(wire)
		var fault *ProtocolError
		if !errors.As(err, &fault) {
			t.Errorf("%s is accepted as %v", bad, m)
			continue
		}
		fmt.Fprintf(&b, "%s\n\t%s: %s\n", bad, fault.Message, fault.What)
	}
	golden.Check(t, "testdata/vectors.txt", b.String())
}

// runsOfBytes writes bytes in hex, repeated ones as xx*N.
func runsOfBytes(b []byte) string {
	var groups []string
	for len(b) > 0 {
		n := 1
		for n < len(b) && b[n] == b[0] {
			n++
		}
		switch last := len(groups) - 1; {
		case n >= 4:
			groups = append(groups, fmt.Sprintf("%02x*%d", b[0], n))
		case last >= 0 && !strings.Contains(groups[last], "*"):
			groups[last] += hex.EncodeToString(b[:n])
		default:
			groups = append(groups, hex.EncodeToString(b[:n]))
		}
		b = b[n:]
	}
	return strings.Join(groups, ".")
}

// FuzzParse: whatever is accepted is given back byte for byte, and is no larger in memory than a small multiple of itself.
func FuzzParse(f *testing.F) {
	for _, m := range examples {
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := Parse(wire)
		if err != nil {
			if fault := new(ProtocolError); !errors.As(err, &fault) || m != nil {
				t.Fatalf("%v with %v", m, err)
			}
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, wire) {
			t.Fatalf("%x comes back as %x (%v)", wire, again, m)
		}
		if h, ok := m.(Have); ok {
			if fault := h.validate(); fault != "" {
				t.Fatalf("%v: %s", h, fault)
			}
			if n := 4 * len(wire); len(h.Held) > n {
				t.Fatalf("%d bytes became %d runs", len(wire), len(h.Held))
			}
		}
		if d, ok := m.(Data); ok && d.header()+len(d.Bytes) != len(wire) {
			t.Fatalf("header of %d bytes and %d of payload in %d", d.header(), len(d.Bytes), len(wire))
		}
	})
}

// TestControlFits: a message that Next cannot cut fits in the least room Next may have.
func TestControlFits(t *testing.T) {
	h := Hello{MinVersion: 65535, MaxVersion: 65535, MaxWants: 1<<32 - 1, MaxInterests: 1<<32 - 1,
		Peer: strings.Repeat("p", MaxPeerName), Observed: netip.MustParseAddrPort("[2001:db8::1]:65535")}
	for i := range MaxCapabilities {
		h.Capabilities = append(h.Capabilities, fmt.Sprintf("%0*d", MaxCapability, i))
	}
	if err := h.Validate(); err != nil {
		t.Fatal(err)
	}
	find := Find{Request: 1<<32 - 1, Name: strings.Repeat("n", MaxName)}
	claim := Claim{Range: MaxChunks - 1, Token: maxToken, Holder: strings.Repeat("h", MaxPeerName), Life: 1<<32 - 1, Weight: MaxWeight,
		Beat: 1<<32 - 1, State: LeaseHeld, Left: MaxLeft, Bytes: maxToken}
	budget := Budget{Kind: BudgetGrant, Epoch: 1<<64 - 1, Coordinator: strings.Repeat("h", MaxPeerName), Seq: 1<<64 - 1, Number: 1<<64 - 1,
		Rate: maxBudgetRate, Life: MaxBudgetLease}
	waiting := letters{}
	waiting.put(Letter{Kind: LetterAnswer, Number: 1<<64 - 1, Next: MaxNext, Total: MaxLetter, Bytes: make([]byte, MaxLetter), Offset: MaxLetter / 2})
	letter, _ := waiting.cut(MinMessage)
	if n := len(letter.Append(nil)); n < MinMessage-4 {
		t.Errorf("a piece of %d bytes leaves room", n)
	}
	for _, m := range []Message{h, find, claim, budget, letter} {
		if n := len(m.Append(nil)); n > MinMessage {
			t.Errorf("%v takes %d bytes", m, n)
		}
	}
}

func TestHelloValidate(t *testing.T) {
	for _, h := range []Hello{
		{},
		{MinVersion: 1, MaxVersion: 1, Peer: "two words"},
		{MinVersion: 1, MaxVersion: 1, Capabilities: []string{"b", "a"}},
		{MinVersion: 1, MaxVersion: 1, Capabilities: slices.Repeat([]string{"a"}, 17)},
	} {
		if err := h.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v", h, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a session starts with an invalid hello")
		}
	}()
	New(dawn, Config{Hello: Hello{Peer: "two words"}})
}

// TestNewsAgainstModel: whatever is said, merged and cut into pages of any size, the listener ends with what the last
// word about each chunk was.
func TestNewsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Uint32Range(1, 3000).Draw(t, "chunks")
		n := &news{content: idOf(0xd1), total: total}
		said, heard := map[uint32]bool{}, map[uint32]bool{}
		listen := func() {
			h := n.page(rapid.IntRange(haveOverhead+10, 200).Draw(t, "room"))
			m, err := Parse(h.Append(nil))
			if err != nil {
				t.Fatalf("%v: %v", h, err)
			}
			h = m.(Have)
			for i := h.First; i < h.First+h.Count; i++ {
				delete(heard, i)
			}
			for _, r := range h.Held {
				for i := r.First; i < r.end(); i++ {
					heard[i] = true
				}
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "words") {
			h := Have{Content: n.content, Total: total, First: rapid.Uint32Range(0, total-1).Draw(t, "first")}
			h.Count = rapid.Uint32Range(1, total-h.First).Draw(t, "count")
			step := rapid.Uint32Range(1, 40).Draw(t, "step")
			for i := h.First; i < h.First+h.Count; i++ {
				delete(said, i)
				if i/step%2 == 0 {
					said[i] = true
					h.Held = appendRun(h.Held, Run{i, 1})
				}
			}
			if fault := h.validate(); fault != "" {
				t.Fatal(fault)
			}
			n.put(h)
			if rapid.Bool().Draw(t, "listen") {
				listen()
			}
		}
		for len(n.waiting) > 0 {
			listen()
		}
		if len(said) != len(heard) {
			t.Fatalf("%d chunks said, %d heard", len(said), len(heard))
		}
		for i := range said {
			if !heard[i] {
				t.Fatalf("chunk %d was said and not heard", i)
			}
		}
	})
}

func TestHoldingDescribesASet(t *testing.T) {
	h := Holding(idOf(0xd1), 20, func(i uint32) bool { return i < 3 || i > 17 })
	if got := h.String(); got != "have d1d1d1d1d1d1 of chunks 0+20 of 20: 0+3 18+2" {
		t.Error(got)
	}
}
