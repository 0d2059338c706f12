// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
)

// dawn is when every test begins.
var dawn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// TestStories plays the conversations of testdata/stories. A story is blocks of commands, a line of dashes and what
// they print. Lines of commands:
//
//	new WHO [key=value...]            a session; keys: peer inbox serve wants interests ping idle stall versions can sees
//	want WHO chunk|manifest ID SIZE [priority=N]
//	find WHO NAME · found WHO REQ ID · cancel WHO REQ · refuse WHO REQ REASON · serve WHO REQ SIZE · finish WHO · close WHO REASON
//	interest WHO ID on|off [TOTAL] · have WHO ID TOTAL FIRST+COUNT [RUN...]
//	cut WHO [N] [max=SIZE]            Next, N times or until it has no more; what is cut is on its way
//	arrive WHO [K...]                 what is on its way to WHO arrives, or only the K-th messages of it
//	talk [max=SIZE]                   both cut and deliver until neither has more
//	stand WHO ID WEIGHT · claim WHO ID RANGE TOKEN HOLDER STATE LEFT BEAT · budget WHO KIND COORDINATOR BEAT GRANT RATE
//	raw WHO HEX                       these bytes arrive; a run of N bytes is written xx*N
//	wait DURATION · deadline WHO · progress WHO REQ · stats WHO · state WHO
func TestStories(t *testing.T) {
	golden.Scripts(t, "testdata/stories/*.txt", play)
}

func play(t *testing.T, told string) string {
	th := &theatre{t: t, now: dawn, sessions: map[string]*Session{}, wire: map[string][][]byte{}}
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(told), "\n\n") {
		commands, _, isPlayed := strings.Cut(block, "\n----")
		out.WriteString(commands + "\n")
		if isPlayed {
			out.WriteString("----\n")
			for line := range strings.SplitSeq(commands, "\n") {
				if line == "" || strings.HasPrefix(line, "#") {
					continue
				}
				th.do(&out, strings.Fields(line))
				for who, s := range th.sessions {
					if err := broken(s); err != nil {
						t.Fatalf("after %q, %s: %v", line, who, err)
					}
				}
			}
		}
		out.WriteString("\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// theatre is where a story is played: up to two sessions and what is on its way to each.
type theatre struct {
	t        *testing.T
	now      time.Time
	sessions map[string]*Session
	wire     map[string][][]byte
}

func other(who string) string { return map[string]string{"a": "b", "b": "a"}[who] }

func (th *theatre) do(out *strings.Builder, f []string) {
	who := ""
	if len(f) > 1 {
		who = f[1]
	}
	s := th.sessions[who]
	switch f[0] {
	case "new":
		th.sessions[who] = New(th.now, th.config(who, f[2:]))
		clear(th.wire) // a new session runs on a new carrier
	case "cut":
		th.cut(out, who, f[2:])
	case "arrive":
		th.arrive(out, who, f[2:])
	case "talk":
		for len(th.wire["a"])+len(th.wire["b"]) > 0 || th.pending("a") || th.pending("b") {
			for _, who := range []string{"a", "b"} {
				th.cut(out, who, append([]string{"1"}, f[1:]...))
				th.arrive(out, other(who), nil)
			}
		}
	case "stand":
		th.check(s.Stand(th.now, Stand{Content: th.id(f[2]), Weight: uint8(th.number(f[3]))}))
	case "claim":
		left, err := time.ParseDuration(f[7])
		th.check(err)
		state := map[string]LeaseState{"released": LeaseReleased, "held": LeaseHeld, "done": LeaseDone}[f[6]]
		th.check(s.Claim(th.now, Claim{Content: th.id(f[2]), Range: th.number(f[3]), Token: uint64(th.number(f[4])), Holder: f[5], Weight: 4,
			Beat: th.number(f[8]), State: state, Left: left}))
	case "budget":
		th.check(s.Budget(th.now, Budget{Kind: BudgetKind(th.number(f[2])), Epoch: 1, Coordinator: f[3], Seq: uint64(th.number(f[4])),
			Number: uint64(th.number(f[5])), Rate: uint64(th.number(f[6])), Weight: 1, Life: MaxBudgetLease}))
	case "letter":
		kind := map[string]LetterKind{"report": LetterReport, "answer": LetterAnswer, "refused": LetterRefused}[f[2]]
		m := Letter{Kind: kind, Number: uint64(th.number(f[3]))}
		if kind != LetterRefused {
			m.Bytes = make([]byte, th.size(f[4]))
		}
		if kind == LetterAnswer {
			m.Next = 9 * time.Second
		}
		th.check(s.Letter(th.now, m))
	case "raw":
		th.deliver(out, who, th.bytes(f[2]))
	case "wait":
		d, err := time.ParseDuration(f[1])
		th.check(err)
		th.wait(out, d)
	case "deadline":
		if at := s.Deadline(); at.IsZero() {
			fmt.Fprintf(out, "%s never\n", who)
		} else {
			fmt.Fprintf(out, "%s in %v\n", who, at.Sub(th.now))
		}
	case "progress":
		received, total := s.Progress(th.number(f[2]))
		fmt.Fprintf(out, "%s has %d of %d\n", who, received, total)
	case "stats":
		fmt.Fprintf(out, "%s %+v\n", who, s.Stats())
	case "state":
		fmt.Fprintf(out, "%s %v\n", who, s)
	default:
		th.call(out, f)
	}
}

// call is the commands that a session's owner gives.
func (th *theatre) call(out *strings.Builder, f []string) {
	who, s := f[1], th.sessions[f[1]]
	var req uint32
	var err error
	switch f[0] {
	case "want":
		w := WantSpec{Kind: KindChunk, ID: th.id(f[3]), Size: th.size(f[4])}
		if f[2] == "manifest" {
			w = WantSpec{Kind: KindManifest, ID: th.id(f[3]), Limit: th.size(f[4])}
		}
		if len(f) > 5 {
			w.Priority = uint8(th.number(strings.TrimPrefix(f[5], "priority=")))
		}
		req, err = s.Want(th.now, w)
	case "find":
		req, err = s.Find(th.now, f[2])
	case "found":
		err = s.Found(th.now, th.number(f[2]), th.id(f[3]))
	case "cancel":
		err = s.Cancel(th.now, th.number(f[2]))
	case "finish":
		s.Finish(th.now)
	case "refuse":
		err = s.Refuse(th.now, th.number(f[2]), Reason(slices.Index(reasonNames[:], f[3])))
	case "serve":
		req := th.number(f[2])
		var id ID
		if v := s.serves.open[req]; v != nil {
			id = v.id
		}
		err = s.Serve(th.now, req, bytesOf(id, th.size(f[3])))
	case "limit":
		err = s.Limit(th.now, uint64(th.number(f[2])))
	case "close":
		s.Close(ByeReason(slices.Index(byeNames[:], f[2])))
	case "interest":
		total := uint32(0)
		if len(f) > 4 {
			total = th.number(f[4])
		}
		err = s.Interest(th.now, th.id(f[2]), total, f[3] == "on")
	case "have":
		h := Have{Content: th.id(f[2]), Total: th.number(f[3])}
		r := th.run(f[4])
		h.First, h.Count = r.First, r.Count
		for _, held := range f[5:] {
			h.Held = append(h.Held, th.run(held))
		}
		err = s.Have(th.now, h)
	default:
		th.t.Fatalf("no such command: %v", f)
	}
	switch {
	case err != nil:
		fmt.Fprintf(out, "%s says no: %v\n", who, err)
	case req != 0:
		fmt.Fprintf(out, "%s asks as %d\n", who, req)
	}
	th.take(out, who)
}

func (th *theatre) pending(who string) bool {
	s := th.sessions[who]
	if s != nil && s.Closed() && s.Pending() {
		th.t.Fatalf("%s is closed and has something to say", who)
	}
	return s != nil && s.Pending()
}

func (th *theatre) cut(out *strings.Builder, who string, args []string) {
	s := th.sessions[who]
	n, max := -1, 64<<10
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, "max="); ok {
			max = th.size(v)
		} else {
			n = int(th.number(a))
		}
	}
	for ; s != nil && n != 0; n-- {
		pending := s.Pending()
		msg, unordered, ok := s.Next(th.now, nil, max)
		if ok != pending && max >= MinMessage {
			th.t.Fatalf("%s: Pending is %v, Next %v", who, pending, ok)
		}
		if !ok {
			return
		}
		m, err := Parse(msg)
		th.check(err)
		if _, isData := m.(Data); isData != unordered {
			th.t.Fatalf("%v unordered: %v", m, unordered)
		}
		fmt.Fprintf(out, "%s > %v\n", who, m)
		th.wire[other(who)] = append(th.wire[other(who)], msg)
		th.take(out, who)
	}
}

func (th *theatre) arrive(out *strings.Builder, who string, picks []string) {
	if len(picks) == 0 {
		for _, msg := range th.wire[who] {
			th.deliver(out, who, msg)
		}
		th.wire[who] = nil
		return
	}
	var arrived []int
	for _, p := range picks {
		k := int(th.number(p)) - 1
		th.deliver(out, who, th.wire[who][k])
		arrived = append(arrived, k)
	}
	slices.Sort(arrived)
	for _, k := range slices.Backward(arrived) {
		th.wire[who] = slices.Delete(th.wire[who], k, k+1)
	}
}

func (th *theatre) deliver(out *strings.Builder, who string, msg []byte) {
	s := th.sessions[who]
	if s == nil {
		return // nobody is there
	}
	if err := s.Deliver(th.now, msg); err != nil {
		fmt.Fprintf(out, "%s says no: %v\n", who, err)
	}
	clear(msg) // a session that kept something of it would be found out
	th.take(out, who)
}

func (th *theatre) take(out *strings.Builder, who string) {
	s := th.sessions[who]
	for {
		e, ok := s.Take()
		if !ok {
			return
		}
		fmt.Fprintf(out, "%s: %v\n", who, e)
		if r, ok := e.(Received); ok {
			if !bytes.Equal(r.Data, bytesOf(r.ID, len(r.Data))) {
				fmt.Fprintf(out, "%s: the bytes are wrong\n", who)
			}
			clear(r.Data)
			s.Recycle(r.Data)
		}
	}
}

// wait lets time pass from deadline to deadline.
func (th *theatre) wait(out *strings.Builder, d time.Duration) {
	end := th.now.Add(d)
	for {
		next := end
		for _, s := range th.sessions {
			if at := s.Deadline(); !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		th.now = next
		for _, who := range []string{"a", "b"} {
			if s := th.sessions[who]; s != nil {
				s.Advance(th.now)
				if at := s.Deadline(); !at.IsZero() && !at.After(th.now) {
					th.t.Fatalf("%s still wants to be called at once after Advance", who)
				}
				th.take(out, who)
			}
		}
		if !th.now.Before(end) {
			return
		}
	}
}
