// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"testing"
	"time"
)

// victim is a session in the middle of its life: it has asked for a chunk, a manifest and a name, has canceled a chunk
// and follows a content. It serves what it is asked for.
func victim(t *testing.T) (*Session, time.Time) {
	now := dawn
	s := New(now, Config{MaxInbox: 1 << 20, MaxServe: 64 << 10, MaxWants: 4, MaxInterests: 2, Hello: Hello{Capabilities: []string{CapabilityOnce, CapabilityRelay}}})
	hello := Hello{MinVersion: 1, MaxVersion: 1, MaxWants: 8, MaxInterests: 8, Capabilities: []string{CapabilityOnce, CapabilityRelay}}
	errs := []error{s.Deliver(now, hello.Append(nil))}
	do := func(_ uint32, err error) { errs = append(errs, err) }
	do(s.Want(now, WantSpec{Kind: KindChunk, ID: idOf(0xc1), Size: 5000}))
	do(s.Want(now, WantSpec{Kind: KindManifest, ID: idOf(0xc2), Limit: 9000}))
	do(s.Find(now, "debian"))
	do(s.Want(now, WantSpec{Kind: KindChunk, ID: idOf(0xc4), Size: 5000}))
	errs = append(errs, s.Interest(now, idOf(0xd1), 0, true))
	for {
		if _, _, ok := s.Next(now, nil, MinMessage); !ok {
			break
		}
	}
	errs = append(errs, s.Cancel(now, 4))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return s, now
}

// crafted is a well-formed message made of eight bytes, so that fuzzing gets past the parser more often than by luck.
func crafted(b []byte) Message {
	request, size, offset := uint32(b[1]%12), uint32(b[2])<<8|uint32(b[3])+1, uint32(b[4])<<8|uint32(b[5])
	id := idOf(0xd0 + b[6]%4)
	switch b[0] % 15 {
	case 0, 1, 2, 3:
		n := min(uint32(b[6])<<5+MinPiece, size-min(offset, size-1))
		return Data{Request: request, Offset: min(offset, size-1), Total: size, Bytes: fodder[:n]}
	case 4:
		return Want{Request: request, Kind: KindChunk + Kind(b[7]%2), Priority: b[7] / 64, ID: id, Size: size}
	case 5:
		return Cancel{Request: request}
	case 6:
		return Refuse{Request: request, Reason: Reason(b[7] % 15)}
	case 7:
		return Find{Request: request, Name: "x"}
	case 8:
		return Found{Request: request, ID: id}
	case 9:
		return Interest{Content: id, On: b[7]%2 == 0}
	case 11:
		return Stand{Content: id, Weight: b[7] % (MaxWeight + 1)}
	case 12:
		return Claim{Content: id, Range: size, Token: uint64(offset) + 1, Holder: "h", Weight: 1 + b[7]%MaxWeight, State: LeaseState(b[1] % 3)}
	case 13:
		n := min(uint32(b[6])<<5+MinPiece, size-min(offset, size-1))
		return Letter{Kind: LetterKind(b[7] % 2), Number: uint64(request) + 1, Offset: min(offset, size-1), Total: size, Bytes: fodder[:n]}
	case 10:
		return Gained(id, size, min(offset, size-1))
	default:
		return Ping{Nonce: uint64(size)}
	}
}

// fodder is bytes to serve and to be served with.
var fodder = bytesOf(idOf(1), 1<<20)

// FuzzSession throws a script at a session: a byte says what happens next, and for a message more bytes say which. It never panics, every invariant holds, and what goes out is bounded
// by what came in.
func FuzzSession(f *testing.F) {
	script := func(ms ...Message) (b []byte) {
		for _, m := range ms {
			wire := m.Append(nil)
			b = append(append(b, 0, byte(len(wire)>>8), byte(len(wire))), wire...)
			b = append(b, 2, 3)
		}
		return append(b, 4)
	}
	f.Add(script(examples...))
	piece := bytesOf(idOf(0xc1), 5000)
	f.Add(script(
		Data{Request: 1, Total: 5000, Offset: 2000, Bytes: piece[2000:4000]}, Data{Request: 1, Total: 5000, Bytes: piece[:1000]},
		Data{Request: 4, Total: 5000, Bytes: piece[:4000]}, Data{Request: 2, Total: 1, Bytes: piece[:1]}, Found{Request: 3},
		Data{Request: 1, Total: 5000, Offset: 1000, Bytes: piece[:1000]}, Data{Request: 1, Total: 5000, Offset: 4000, Bytes: piece[4000:]}))
	f.Add(script(Refuse{Request: 1}, Refuse{Request: 2, Reason: ReasonBusy}, Refuse{Request: 3}, Refuse{Request: 4},
		Data{Request: 1, Total: 5000, Bytes: piece}, Ping{Nonce: 1}, Ping{Nonce: 2}, Bye{}))
	f.Add(script(Want{Request: 1, Kind: KindChunk, Size: 3000}, Want{Request: 2, Kind: KindManifest, Priority: 3, Size: MaxReply},
		Find{Request: 3, Name: "x"}, Cancel{Request: 2}, Want{Request: 7, Kind: KindChunk, Size: 60000}, Want{Request: 8, Kind: KindChunk, Size: 1},
		Want{Request: 9, Kind: KindChunk, Size: 1}, Interest{Content: idOf(1), On: true}, Interest{Content: idOf(2), On: true}, Interest{Content: idOf(1)}))
	f.Add(script(Have{Content: idOf(0xd1), Total: MaxChunks, Count: MaxChunks, Held: []Run{{5, 7}}}, Gained(idOf(0xd1), MaxChunks, 12)))

	f.Add([]byte("\x01\x04\x01\x0f\x0f\x00\x00\x00\x00\x02\x03\x01\x00\x01\x13\x87\x00\x00\xff\x00\x03\x04"))

	f.Fuzz(func(t *testing.T, script []byte) {
		a := attack{t: t}
		a.s, a.now = victim(t)
		for len(script) > 0 {
			script = a.step(script[0]%5, script[1:])
			a.check()
		}
	})
}

// attack counts what goes into a session and comes out of it.
type attack struct {
	t                *testing.T
	s                *Session
	now              time.Time
	in, out, granted int // bytes delivered, cut, and given to Serve
}

// step plays what op says, with what it needs from the script, and gives back the rest.
func (a *attack) step(op byte, script []byte) []byte {
	switch op {
	case 0: // a raw message
		if len(script) < 2 {
			return nil
		}
		n := min(int(script[0])<<8|int(script[1]), len(script)-2)
		a.deliver(script[2 : 2+n])
		return script[2+n:]
	case 1:
		if len(script) < 8 {
			return nil
		}
		a.deliver(crafted(script[:8]).Append(nil))
		return script[8:]
	case 2:
		a.own()
	case 3:
		msg, _, ok := a.s.Next(a.now, nil, MinMessage)
		if ok && len(msg) > MinMessage {
			a.t.Fatalf("a message of %d bytes", len(msg))
		}
		a.out += len(msg)
	case 4:
		a.now = a.now.Add(20 * time.Second)
		a.s.Advance(a.now)
		if at := a.s.Deadline(); !at.IsZero() && !at.After(a.now) {
			a.t.Fatalf("deadline %v is not after %v", at, a.now)
		}
	}
	return script
}

func (a *attack) deliver(msg []byte) {
	a.in += len(msg)
	err := a.s.Deliver(a.now, msg)
	if fault := new(ProtocolError); err != nil && !errors.As(err, &fault) && !errors.Is(err, ErrClosed) {
		a.t.Fatal(err)
	}
}

// own does what an owner does with what it is told.
func (a *attack) own() {
	for e, ok := a.s.Take(); ok; e, ok = a.s.Take() {
		r, ok := e.(Requested)
		if !ok {
			continue
		}
		size := min(int(r.Size), len(fodder))
		if err := a.s.Serve(a.now, r.Request, fodder[:size]); err == nil {
			a.granted += size
		}
	}
}

// check: every invariant holds, and every answer is at most as long as its question, but for the data that were asked
// for and granted, their headers, one goodbye, our own pings, and the cancels of what the victim had asked for.
func (a *attack) check() {
	if err := broken(a.s); err != nil {
		a.t.Fatal(err)
	}
	pieces := a.granted/(MinMessage-15) + a.in/36 // a want takes at least 36 bytes, and has one piece that is not full
	if allowed := a.in + a.granted + 15*pieces + 16 + 10*int(a.s.watch.nonce); a.out > allowed {
		a.t.Fatalf("%d bytes out for %d in and %d granted, allowed are %d", a.out, a.in, a.granted, allowed)
	}
}
