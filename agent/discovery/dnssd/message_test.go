// SPDX-License-Identifier: Apache-2.0

package dnssd

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ebbproject/ebb/agent/discovery"
)

var key = []byte("the public key of a CA")

func ours(name string) announcement {
	return announcement{name: name, tag: discovery.Tag(key, name), port: 8733, tls: 8734}
}

// An answer says what the host announces, and is never longer than the question.
func TestAnswer(t *testing.T) {
	q, err := question(7)
	if err != nil || len(q) != questionBytes {
		t.Fatalf("a question of %d bytes, %v", len(q), err)
	}
	id, ok := asks(q)
	if !ok || id != 7 {
		t.Fatalf("read as %d, %t", id, ok)
	}
	at := netip.MustParseAddr("10.1.2.3")
	for _, tls := range []uint16{0, 65535} {
		want := ours("0123456789abcdef")
		want.tls = tls
		reply, err := want.answer(id, at, true)
		if err != nil || len(reply) > len(q) {
			t.Fatalf("an answer of %d bytes to one of %d, %v", len(reply), len(q), err)
		}
		got, err := parse(reply, id)
		if err != nil || got != want {
			t.Errorf("%+v, %v, expected %+v", got, err, want)
		}
		h, ok := got.hint(key, at)
		if !ok || h != (discovery.Hint{Addr: netip.AddrPortFrom(at, 8733), TLS: tls}) {
			t.Errorf("%+v, %t", h, ok)
		}
		if _, ok := got.hint([]byte("another fleet's"), at); ok {
			t.Error("a host of another fleet counts")
		}
		if _, err := parse(reply, id+1); err == nil {
			t.Error("the answer to another question counts")
		}
		if got, ok := asks(reply); ok {
			t.Errorf("an answer is taken for the question %d", got)
		}
	}
}

// What goes out names neither the machine nor the fleet, and says nothing of what is held.
func TestAnAnswerSaysNoMore(t *testing.T) {
	reply, err := ours("0123456789abcdef").answer(1, netip.MustParseAddr("10.1.2.3"), false)
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(reply); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, r := range append(m.Answers, m.Additionals...) {
		body := strings.NewReplacer("\\x3d", "=", "\\x5f", "_", "dnsmessage.", "").Replace(r.Body.GoString())
		said = append(said, r.Header.Name.String()+" "+body)
	}
	want := []string{
		`_ebb._udp.local. PTRResource{PTR: MustNewName("0123456789abcdef._ebb._udp.local.")}`,
		`0123456789abcdef._ebb._udp.local. SRVResource{Priority: 0, Weight: 0, Port: 8733, Target: MustNewName("0123456789abcdef.local.")}`,
		`0123456789abcdef._ebb._udp.local. TXTResource{TXT: []string{"v=1", "f=` + discovery.Tag(key, "0123456789abcdef") + `", "t=8734"}}`,
		`0123456789abcdef.local. AResource{A: [4]byte{10, 1, 2, 3}}`,
	}
	if strings.Join(said, "\n") != strings.Join(want, "\n") || m.ID != 0 || len(m.Questions) > 0 {
		t.Errorf("it says\n%s\nexpected\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

// Other programs ask for all sorts of things, and answer them.
func TestWhatIsNotForUs(t *testing.T) {
	q := func(name string, kind dnsmessage.Type, class dnsmessage.Class) []byte {
		m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: class}}}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, b := range [][]byte{nil, q("_ipp._tcp.local.", dnsmessage.TypePTR, dnsmessage.ClassINET), q(Service, dnsmessage.TypeA, dnsmessage.ClassINET),
		q(Service, dnsmessage.TypePTR, dnsmessage.ClassCHAOS)} {
		if _, ok := asks(b); ok {
			t.Errorf("%q is answered", b)
		}
	}
	if _, ok := asks(q("_EBB._udp.Local.", dnsmessage.TypePTR, dnsmessage.ClassINET|1<<15)); !ok {
		t.Error("a question of another program is not answered")
	}
	for name, change := range map[string]func(*dnsmessage.Message){
		"no port": func(m *dnsmessage.Message) {
			m.Additionals[0].Body = &dnsmessage.SRVResource{Target: m.Additionals[2].Header.Name}
		},
		"no text":         func(m *dnsmessage.Message) { m.Additionals = m.Additionals[:1] },
		"another version": func(m *dnsmessage.Message) { m.Additionals[1].Body = &dnsmessage.TXTResource{TXT: []string{"v=2"}} },
		"a bad port": func(m *dnsmessage.Message) {
			m.Additionals[1].Body = &dnsmessage.TXTResource{TXT: []string{"v=1", "t=70000"}}
		},
		"another type": func(m *dnsmessage.Message) { m.Answers[0].Header.Name = dnsmessage.MustNewName("_ipp._tcp.local.") },
		"a question":   func(m *dnsmessage.Message) { m.Response = false },
		"an error":     func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError },
		"many records": func(m *dnsmessage.Message) {
			for range maxRecords {
				m.Answers = append(m.Answers, m.Answers[0])
			}
		},
	} {
		b, err := ours("0123456789abcdef").answer(3, netip.MustParseAddr("10.1.2.3"), true)
		if err != nil {
			t.Fatal(err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(b); err != nil {
			t.Fatal(err)
		}
		change(&m)
		if b, err = m.Pack(); err != nil {
			t.Fatal(err)
		}
		if a, err := parse(b, 3); err == nil {
			t.Errorf("%s: taken for %+v", name, a)
		}
	}
}

// Anything may arrive; what is taken for an answer can be said again.
func FuzzParse(f *testing.F) {
	reply, _ := ours("0123456789abcdef").answer(0, netip.MustParseAddr("10.1.2.3"), true)
	query, _ := question(0)
	f.Add(reply)
	f.Add(query)
	f.Fuzz(func(t *testing.T, b []byte) {
		asks(b)
		a, err := parse(b, 0)
		if err != nil {
			return
		}
		again, err := a.answer(0, netip.MustParseAddr("10.1.2.3"), true)
		if err != nil {
			return // a name too long for one of ours
		}
		if got, err := parse(again, 0); err == nil && got.port != a.port {
			t.Errorf("%+v became %+v", a, got)
		}
	})
}
