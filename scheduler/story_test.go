// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
)

// The stories in testdata/*.txt are scripts: lines with # tell, lines with $ do, and what follows a
// $ is what came of it. Run with -update to write that anew, and read the diff.
//
//	$ flow NAME [of=OTHER] chunks=N [size=KIB] [priority=P]  start fetching a content (with the chunks of another)
//	$ peer NAME CLASS [rate=KIB/S] [rtt=MS] [at=LOCATION]  a host connects
//	$ has PEER CONTENT all|none|LIST|+LIST   ... and tells what it holds
//	$ mood PEER MOOD                         see node.mood; "honest" is none
//	$ leave PEER | pause CONTENT | resume CONTENT | priority CONTENT P
//	$ disk KIB|free                          room left on our disk
//	$ run DURATION | why CONTENT | sources CONTENT
func TestStories(t *testing.T) {
	golden.Scripts(t, "testdata/*.txt", tell, locationFile)
}

// tell plays a script and returns it with its outcome.
func tell(t *testing.T, script string) string {
	w := newWorld(t)
	w.listens = true
	us := newNode("us", "here", 1<<20)
	us.s = New(w.now, Default("us"))
	w.nodes = append(w.nodes, us)
	var b strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
			fmt.Fprintln(&b, line)
		case line[0] == '$':
			fmt.Fprintln(&b, line)
			play(t, w, us, strings.Fields(line[1:]))
			w.drain(us)
			if text := w.lines(); text != "" {
				fmt.Fprintln(&b, text)
			}
		}
	}
	return b.String()
}

func play(t *testing.T, w *world, us *node, args []string) {
	word, args := args[0], args[1:]
	option := func(key string, otherwise int) int {
		for _, a := range args {
			if text, ok := strings.CutPrefix(a, key+"="); ok {
				return number(t, text)
			}
		}
		return otherwise
	}
	switch word {
	case "flow":
		of := args[0]
		if len(args) > 1 && strings.HasPrefix(args[1], "of=") {
			of = args[1][len("of="):]
		}
		chunks := chunksOf(of, option("chunks", 1), uint32(option("size", 1024))<<10, nil)
		spec := FlowSpec{Content: idOf(args[0]), Chunks: chunks, Priority: option("priority", 0)}
		if err := us.s.AddFlow(w.now, spec); err != nil {
			t.Fatal(err)
		}
	case "peer":
		n := w.node(PeerID(args[0]))
		if n == nil {
			n = newNode(PeerID(args[0]), "there", float64(option("rate", 1024)<<10))
			w.nodes = append(w.nodes, n)
		}
		n.rtt = time.Duration(option("rtt", 50)) * time.Millisecond
		w.comes(us, n, classOf(t, args[1]))
		for _, a := range args {
			if location, ok := strings.CutPrefix(a, "at="); ok {
				us.s.PeerAt(n.name, location)
			}
		}
	case "has":
		us.s.PeerHas(w.now, PeerID(args[0]), idOf(args[1]), holding(t, args[2]))
	case "mood":
		w.node(PeerID(args[0])).mood = strings.TrimPrefix(args[1], "honest")
	case "leave":
		w.leave(w.node(PeerID(args[0])))
	case "pause":
		us.s.Pause(w.now, idOf(args[0]), PausedByUser)
	case "resume":
		us.s.Resume(w.now, idOf(args[0]))
	case "priority":
		us.s.SetPriority(w.now, idOf(args[0]), number(t, args[1]))
	case "disk":
		us.room = -1
		if args[0] != "free" {
			us.room = int64(number(t, args[0])) << 10
		} else if us.full {
			us.s.StoreReady(w.now)
		}
	case "run":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			t.Fatal(err)
		}
		w.run(d)
	case "why":
		for _, wait := range us.s.Why(w.now, idOf(args[0])) {
			until := ""
			if !wait.Until.IsZero() {
				until = fmt.Sprintf(" (for %s)", wait.Until.Sub(w.now).Round(100*time.Millisecond))
			}
			w.say("%s: %s%s", wait.Reason, wait.Detail, until)
		}
	case "sources":
		sources(w, us, args[0])
	default:
		t.Fatalf("no such command: %s", word)
	}
}

func sources(w *world, us *node, name string) {
	for _, f := range us.s.Flows(w.now) {
		if f.Content != idOf(name) {
			continue
		}
		w.say("%s: %s, %d of %d chunks, %d KiB received, %d rejected, %d canceled, %d copies", name, f.Reason,
			f.HeldChunks, f.Chunks, f.Received>>10, f.Rejected>>10, f.Canceled>>10, f.Copies)
		for _, src := range f.Sources {
			w.say("  %s (%s): %d KiB", src.Peer, src.Class, src.Bytes>>10)
		}
	}
}

func number(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func classOf(t *testing.T, text string) Class {
	for c := range Class(classes) {
		if c.String() == text {
			return c
		}
	}
	t.Fatalf("no such class: %s", text)
	return 0
}

// holding reads all, none, or a list such as 0-3,7; with a + before it, it adds.
func holding(t *testing.T, text string) Holding {
	switch text {
	case "all":
		return Holding{All: true}
	case "none":
		return Holding{}
	}
	text, delta := strings.CutPrefix(text, "+")
	h := Holding{Delta: delta}
	for part := range strings.SplitSeq(text, ",") {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		first := number(t, from)
		h.Spans = append(h.Spans, Span{First: uint32(first), Count: uint32(number(t, to) - first + 1)})
	}
	return h
}
