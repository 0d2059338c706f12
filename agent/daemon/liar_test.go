// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/carrier"
)

// liar is a host with a good certificate of the fleet and bad manners. It holds the protocol by a Session of its own,
// claims to have all of what it is asked about, and does what its tricks say instead of what it should.
type liar struct {
	t        *testing.T
	node     *node.Node
	endpoint *carrier.Endpoint
	chunks   uint32 // of the content it claims to have; 0: it does not
	tricks   tricks

	asked   chan struct{} // closed once it was asked for a chunk
	once    sync.Once
	running sync.WaitGroup
}

// tricks are what a liar does. Each may be nil: then it is decent.
type tricks struct {
	met      func(*carrier.Conn)                                        // instead of saying hello
	answer   func(*carrier.Conn, *transfer.Session, transfer.Requested) // to who asks for a chunk
	manifest []byte                                                     // to who asks for any name or manifest
	more     uint32                                                     // chunks it claims to have beyond those of the content
}

func (w *world) liar(chunks int, tr tricks) *liar {
	l := &liar{t: w.t, node: w.host(fleet.RoleAgent, "berlin"), chunks: uint32(chunks), tricks: tr, asked: make(chan struct{})}
	_, controller, err := controllers(l.node.Identity, ledbat.DefaultName)
	must(w.t, err)
	l.endpoint, err = carrier.Listen(carrier.Config{Socket: socket(w.t), Certificate: l.node.Certificate, Roots: l.node.Roots,
		Controller: controller})
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	l.running.Go(func() {
		for {
			conn, err := l.endpoint.Accept(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				l.running.Go(func() { l.talk(ctx, conn) })
			}
		}
	})
	w.t.Cleanup(func() {
		cancel()
		l.endpoint.Close()
		l.running.Wait()
	})
	w.list(l.node.Identity, l.endpoint.Addr())
	return l
}

// talk holds one conversation.
func (l *liar) talk(ctx context.Context, conn *carrier.Conn) {
	defer conn.Close()
	if l.tricks.met != nil {
		l.tricks.met(conn)
	}
	c := transfer.DefaultConfig()
	c.Hello = transfer.Hello{Peer: l.node.Identity.Peer}
	s := transfer.New(time.Now(), c)
	for {
		for {
			m, unordered, ok := s.Next(time.Now(), nil, transfer.MaxMessage)
			if !ok {
				break
			}
			if conn.Send(m, unordered) != nil {
				return
			}
		}
		m, err := conn.Receive(ctx)
		if err != nil || s.Deliver(time.Now(), m) != nil {
			return
		}
		for e, ok := s.Take(); ok; e, ok = s.Take() {
			l.react(conn, s, e)
		}
	}
}

func (l *liar) react(conn *carrier.Conn, s *transfer.Session, e transfer.Event) {
	now := time.Now()
	switch e := e.(type) {
	case transfer.Interested:
		if l.chunks == 0 {
			return
		}
		_ = s.Have(now, transfer.Holding(e.Content, l.chunks+l.tricks.more, func(uint32) bool { return true }))
	case transfer.Finding:
		signed, err := content.ParseSigned(l.tricks.manifest)
		if err != nil {
			_ = s.Refuse(now, e.Request, transfer.ReasonNotHeld)
			return
		}
		_ = s.Found(now, e.Request, signed.ID())
	case transfer.Requested:
		if e.Kind == transfer.KindManifest {
			_ = s.Serve(now, e.Request, l.tricks.manifest)
			return
		}
		l.once.Do(func() { close(l.asked) })
		if l.tricks.answer != nil {
			l.tricks.answer(conn, s, e)
		}
	}
}

func (l *liar) wasAsked() {
	l.t.Helper()
	select {
	case <-l.asked:
	case <-time.After(patience):
		l.t.Fatal("nobody asked the liar")
	}
}

// send puts a message on the wire behind the back of the session.
func send(m transfer.Message) func(*carrier.Conn, *transfer.Session, transfer.Requested) {
	return func(conn *carrier.Conn, _ *transfer.Session, _ transfer.Requested) {
		_ = conn.Send(m.Append(nil), false)
	}
}

const imageSize = 12 << 20

// banned waits until the local API says that the peer is banned, and why.
func (r *running) banned(l *liar, why string) {
	r.t.Helper()
	eventually(r.t, "the ban", func() bool {
		p := r.peer(l.node.Identity.Peer)
		return strings.Contains(p.Reason, "banned until") && strings.HasSuffix(p.Reason, why) && !p.Connected
	})
}

// A host of the fleet sends wrong bytes for every chunk. It is found out by the hash, banned after the third time, and
// the content comes from the hub.
func TestAPeerThatSendsWrongDataIsBanned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.publish("image", imageSize, w.secret)
	l := w.liar(len(x.manifest.Chunks), tricks{answer: func(_ *carrier.Conn, s *transfer.Session, e transfer.Requested) {
		_ = s.Serve(time.Now(), e.Request, make([]byte, e.Size))
	}})
	a := w.start(w.host(fleet.RoleAgent, "berlin"))
	id, out := a.get("image")
	a.banned(l, "for sending wrong data")
	if f := a.flow(id); f.Verified != 0 || f.Wasted == 0 || f.State != api.StateFetching {
		t.Errorf("%+v", f)
	}
	origin := w.origin(x)
	f := a.arrives(id, out, x)
	if f.From.LAN != 0 || f.From.Origin != imageSize || f.Sources[0].Peer != origin.node.Identity.Peer {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(a.log.String(), "a peer sent wrong bytes; they are dropped") {
		t.Error("the log does not say it")
	}
}

// origin starts a hub's daemon that holds the content, and lets everybody hear of it.
func (w *world) origin(x image) *running {
	r := w.start(w.host(fleet.RoleHub, "hub"))
	r.holds(x)
	w.list(r.node.Identity, r.Addr())
	return r
}

// A host of the fleet breaks the protocol, each in its way. Nothing is allocated for what it announces, it is left, and
// banned after the third time.
func TestAPeerThatBreaksTheProtocolIsBanned(t *testing.T) {
	for name, tr := range map[string]tricks{
		"a frame as long as the carrier takes, of nothing": {met: func(c *carrier.Conn) { _ = c.Send(make([]byte, carrier.MaxMessage), false) }},
		"a control frame that is too long": {met: func(c *carrier.Conn) {
			_ = c.Send(append(transfer.Ping{}.Append(nil), make([]byte, transfer.MaxControl)...), false)
		}},
		"a hello cut short": {met: func(c *carrier.Conn) {
			b := transfer.Hello{MinVersion: 1, MaxVersion: 1, Peer: "liar"}.Append(nil)
			_ = c.Send(b[:len(b)/2], false)
		}},
		"a message before hello": {met: func(c *carrier.Conn) { _ = c.Send(transfer.Ping{}.Append(nil), false) }},
		"an answer of 4 GiB":     {answer: send(transfer.Data{Request: 1, Total: math.MaxUint32, Bytes: make([]byte, 1000)})},
		"an answer that goes on behind its end": {answer: func(c *carrier.Conn, _ *transfer.Session, e transfer.Requested) {
			_ = c.Send(transfer.Data{Request: e.Request, Offset: e.Size - 1, Total: e.Size, Bytes: make([]byte, 1000)}.Append(nil), false)
		}},
		"an answer of another size": {answer: func(c *carrier.Conn, _ *transfer.Session, e transfer.Requested) {
			_ = c.Send(transfer.Data{Request: e.Request, Total: e.Size + 1, Bytes: make([]byte, 1000)}.Append(nil), false)
		}},
		"an answer to nothing":             {answer: send(transfer.Data{Request: 77777, Total: 1000, Bytes: make([]byte, 1000)})},
		"more chunks than the content has": {more: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			x := w.publish("image", 2<<20, w.secret)
			l := w.liar(len(x.manifest.Chunks), tr)
			a := w.start(w.host(fleet.RoleAgent, "berlin"))
			id, out := a.get("image")
			a.banned(l, "for breaking the protocol")
			w.origin(x)
			if f := a.arrives(id, out, x); f.From.LAN != 0 {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A host of the fleet promises everything, sends the first piece of each chunk, and then nothing more.
func TestAPeerThatNeverCompletesHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const size = 4 << 20 // some chunks: each that it is asked for takes seconds
	x := w.publish("image", size, w.secret)
	l := w.liar(len(x.manifest.Chunks), tricks{answer: func(c *carrier.Conn, _ *transfer.Session, e transfer.Requested) {
		_ = c.Send(transfer.Data{Request: e.Request, Total: e.Size, Bytes: make([]byte, 1000)}.Append(nil), false)
	}})
	a := w.start(w.host(fleet.RoleAgent, "berlin"))
	id, out := a.get("image")
	l.wasAsked()
	w.origin(x)
	if f := a.arrives(id, out, x); f.From.Origin != size {
		t.Errorf("%+v", f)
	}
}

// The hub does not answer, a host answers every name with a manifest that nobody whom we pinned has signed, and another
// with a genuine one of another name. The neighbour who has the right one is asked as well.
func TestAForgedManifestOnlyCostsTheQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mute = true
	_, other, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	x, forged, unlike := w.publish("image", 2<<20, w.secret), w.publish("image", 3<<20, other), w.publish("unlike", 1<<20, w.secret)
	w.liar(0, tricks{manifest: forged.signed.Encode()})
	w.liar(0, tricks{manifest: unlike.signed.Encode()})
	a := w.start(w.host(fleet.RoleAgent, "berlin"))
	id, out := a.get("image")
	refused := map[string]bool{}
	eventually(t, "the refusal of both manifests", func() bool {
		f := a.flow(id)
		if f.State != api.StateResolving {
			t.Fatalf("%+v", f)
		}
		for _, why := range []string{"is not acceptable", `sent the manifest of "unlike" for the name "image"`} {
			refused[why] = refused[why] || strings.Contains(f.Detail, why)
		}
		return len(refused) == 2 && refused["is not acceptable"] && refused[`sent the manifest of "unlike" for the name "image"`]
	})
	honest := w.start(w.host(fleet.RoleAgent, "berlin"))
	honest.holds(x)
	w.list(honest.node.Identity, honest.Addr())
	if f := a.arrives(id, out, x); f.From.LAN != 2<<20 {
		t.Errorf("%+v", f)
	}
}

// A host takes the call and says nothing at all, as one does that was killed in that moment. It is left, and called again.
func TestAPeerThatSaysNothingIsCalledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.publish("image", 2<<20, w.secret)
	var calls atomic.Int32
	w.liar(0, tricks{met: func(c *carrier.Conn) {
		calls.Add(1)
		<-c.Done()
	}})
	a := w.start(w.host(fleet.RoleAgent, "berlin"))
	id, out := a.get("image")
	eventually(t, "the second call", func() bool { return calls.Load() > 1 })
	w.origin(x)
	a.arrives(id, out, x)
}
