// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/fleet"
)

// post is the letters of a world. On the way they are numbers.
type post struct {
	taken   bool                // the hub takes letters
	asked   int                 // questions to the hub
	said    []fleet.SyncRequest // news that hosts gave to it themselves
	letters []Sync
	by      []string
	replies []fleet.SyncReply
	last    map[string]time.Time // when the hub heard of each host
	gap     time.Duration        // the longest in which it heard nothing of one
}

func (p *post) heard(now time.Time, name string) {
	if last, ok := p.last[name]; ok {
		p.gap = max(p.gap, now.Sub(last))
	}
	if p.last == nil {
		p.last = map[string]time.Time{}
	}
	p.last[name] = now
}

// writeLetter gives a letter to who hands it on.
func (w *world) writeLetter(name string, a Sync) {
	letter := []byte(strconv.Itoa(len(w.post.letters)))
	w.post.letters, w.post.by = append(w.post.letters, a), append(w.post.by, name)
	self := w.hosts[name].id.Peer
	if a.Through == self {
		w.after(0, name, func(h *host) { h.core.Lettered(w.now, self, a.Number, letter) })
		return
	}
	w.to(name, a.Through, func(c *Core) { c.Lettered(w.now, self, a.Number, letter) })
}

// hand hands letters on to the hub.
func (w *world) hand(name string, a Hand) {
	w.after(2*wan, name, func(h *host) {
		if w.post.asked++; w.hubDown {
			h.core.NotHanded(a.Number)
			return
		}
		var answers [][]byte
		for _, letter := range a.Letters {
			i, err := strconv.Atoi(string(letter))
			if err != nil {
				w.t.Fatal(err)
			}
			answers = append(answers, []byte(strconv.Itoa(len(w.post.replies))))
			w.post.replies = append(w.post.replies, w.hear(w.post.by[i], w.post.letters[i].Request))
		}
		h.core.Handed(w.now, a.Number, answers)
	})
}

// reply gives an answer to who wrote the letter.
func (w *world) reply(name string, a Reply) {
	to, self := a.Peer, w.hosts[name].id.Peer
	a.Peer = self
	tell := func(c *Core) {
		if len(a.Answer) == 0 {
			c.NotReplied(w.now, self, a.Number)
			return
		}
		i, err := strconv.Atoi(string(a.Answer))
		if err != nil {
			w.t.Fatal(err)
		}
		c.Replied(w.now, a, w.post.replies[i])
	}
	if to == self {
		w.after(0, name, func(h *host) { tell(h.core) })
		return
	}
	w.to(name, to, tell)
}

// shop is a hub and that many hosts of one location, at rest for a minute.
func shop(t *testing.T, hosts int) *world {
	w := newWorld(t)
	w.post.taken = true
	for i := range hosts {
		w.add(fmt.Sprintf("till%d", i), fleet.RoleAgent, "berlin")
	}
	w.rest(time.Minute)
	return w
}

func (w *world) rest(d time.Duration) { w.run(d, func() bool { return false }) }

// through is by way of whom each host reports that is up.
func (w *world) through() (all map[string]string) {
	all = map[string]string{}
	for _, name := range w.names[1:] {
		if h := w.hosts[name]; h.up {
			by := h.core.Hub(w.now).Through
			if by != "" {
				by = w.name(by)
			}
			all[name] = by
		}
	}
	return all
}

// super is the one by way of which all report, if all agree.
func (w *world) super() string {
	by := ""
	for name, x := range w.through() {
		if x == "" || by != "" && x != by {
			w.t.Fatalf("%s reports by way of %q, another by way of %q", name, x, by)
		}
		by = x
	}
	return by
}

// At rest a location asks the hub once in nine seconds, and no host is silent for longer than when it reports directly.
func TestALocationReportsByWayOfOne(t *testing.T) {
	w := shop(t, 8)
	w.super()
	before, began := w.post.asked, w.now
	w.post.gap = 0
	w.rest(10 * time.Minute)
	if n := w.post.asked - before; n > 8*10*60/60+int(w.now.Sub(began).Seconds())/8 { // each compares its copies once a minute at most
		t.Errorf("%d questions in ten minutes", n)
	}
	if w.post.gap > 12*time.Second {
		t.Errorf("a host was silent for %v", w.post.gap)
	}
}

// Few hosts, and those of a hub that takes no letters, report themselves, and the latter say nothing of letters.
func TestWhoReportsDirectly(t *testing.T) {
	w := shop(t, 3)
	for name, by := range w.through() {
		if by != "" {
			t.Errorf("%s, one of three, reports by way of %s", name, by)
		}
	}
	w = newWorld(t)
	for i := range 6 {
		w.add(fmt.Sprintf("till%d", i), fleet.RoleAgent, "berlin")
	}
	w.rest(time.Minute)
	for name, by := range w.through() {
		if by != "" || w.hosts[name].core.news(w.now).Relay {
			t.Errorf("%s reports by way of %q to a hub that does not know of that", name, by)
		}
	}
}

// The hub is of today, and then an older one: nobody says any more what that does not understand.
func TestTheHubIsAnOlderOneNow(t *testing.T) {
	w := shop(t, 6)
	w.super()
	w.post.taken, w.outcast = false, true // to say too much is refused
	w.rest(15 * time.Second)
	w.outcast = false
	w.rest(15 * time.Second)
	for name, by := range w.through() {
		if h := w.hosts[name].core; by != "" || h.news(w.now).Relay || !h.Hub(w.now).Reachable {
			t.Errorf("%s reports by way of %q; %+v", name, by, h.Hub(w.now))
		}
	}
}

// Whoever dies, seen or unseen, at any moment: the hub hears of all others within 15 s, and soon they report by way of another.
func TestTheSuperPeerDies(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := shop(t, rapid.IntRange(5, 9).Draw(r, "hosts"))
		w.rest(time.Duration(rapid.IntRange(0, 12_000).Draw(r, "ms")) * time.Millisecond)
		super := w.super()
		w.post.gap = 0
		if rapid.Bool().Draw(r, "seen") {
			w.kill(super)
		} else {
			w.vanish(super)
		}
		w.rest(3 * time.Minute)
		if w.post.gap >= 15*time.Second {
			r.Fatalf("a host was silent for %v", w.post.gap)
		}
		if next := w.super(); next == super {
			r.Fatal("all report by way of one that is dead")
		}
		w.boot(super)
		w.rest(3 * time.Minute)
		if w.super() != super {
			r.Fatalf("it is back, and all report by way of %s", w.super())
		}
	})
}

// Two hosts that dial each other at once keep one conversation, and each hears that the other was not reached.
func TestWhoIsInConversationIsReached(t *testing.T) {
	w := shop(t, 4)
	super := w.super()
	for _, name := range w.names[1:] {
		if name != super {
			w.hosts[name].core.PeerNotReached(w.now, w.hosts[super].id.Peer)
		}
	}
	w.super()
}

// While the hub is away everybody knows, and afterwards all is as before.
func TestTheHubIsAwayForReports(t *testing.T) {
	w := shop(t, 6)
	w.hubDown = true
	w.rest(time.Minute)
	for _, name := range w.names[1:] {
		if w.hosts[name].core.Hub(w.now).Reachable {
			t.Errorf("%s takes the hub for there", name)
		}
	}
	w.hubDown = false
	w.rest(time.Minute)
	w.super()
}

// A hub that has started again hears all from each host in one exchange of its own, in which keys for letters are agreed upon, too: the next
// report goes by way of the super-peer. Another one or two of each would be what a hub has no time for to which all come back at once.
func TestAHubThatHasStartedAgainIsToldAllAtOnce(t *testing.T) {
	w := shop(t, 6)
	w.publish("image", 3)
	w.get("till2", "image")
	w.rest(time.Minute)
	w.hubDown = true
	w.rest(time.Minute)
	w.newHub(2)
	w.hubDown, w.post.said = false, nil
	w.rest(3 * time.Minute)
	w.super()
	if len(w.post.said) != 6 {
		t.Errorf("6 hosts went to the hub %d times", len(w.post.said))
	}
	for _, r := range w.post.said {
		if r.Partial || !r.Relay {
			t.Errorf("%+v", r)
		}
	}
}

// The super-peer does not let a hub wait that comes back, however long that was away, and nobody blames it for having had no answer: otherwise
// all others would go to the hub themselves meanwhile.
func TestTheSuperPeerIsBackSoon(t *testing.T) {
	for seconds := range 20 {
		w := shop(t, 6)
		super := w.super()
		w.hubDown = true
		w.rest(time.Minute + time.Duration(seconds)*time.Second)
		w.hubDown = false
		w.rest(syncEvery*6/5 + time.Second)
		if !w.hosts[super].core.Hub(w.now).Reachable {
			t.Errorf("after %d s more than a minute without a hub its super-peer has not asked it again", seconds)
		}
	}
	for seconds := range 10 {
		w := shop(t, 6)
		w.hubDown = true
		w.rest(time.Duration(seconds) * time.Second)
		w.hubDown = false
		w.rest(2*syncEvery*6/5 + time.Second)
		w.super()
	}
}

// When the bus is back everybody asks soon what was said meanwhile, and by way of the super-peer.
func TestTheBusIsBack(t *testing.T) {
	w := shop(t, 6)
	w.super()
	letters := len(w.post.letters)
	for len(w.post.letters) == letters { // at another moment than the beat
		w.rest(time.Second)
	}
	w.rest(2 * time.Second)
	w.post.said, letters = nil, len(w.post.letters)
	for _, name := range w.names[1:] {
		w.hosts[name].core.BusUp(w.now)
	}
	up := w.now
	w.rest(syncFetch + time.Second)
	for _, name := range w.names[1:] {
		if !w.post.last[name].After(up) {
			t.Errorf("%s has not asked", name)
		}
	}
	if len(w.post.said) > 0 || len(w.post.letters) != letters+6 {
		t.Errorf("%d asked the hub themselves; %d letters", len(w.post.said), len(w.post.letters)-letters)
	}
}

// What is urgent does not wait until others have something to say, too.
func TestWhatIsUrgentGoesDirectly(t *testing.T) {
	w := shop(t, 6)
	w.publish("image", 3)
	letters := len(w.post.letters)
	for len(w.post.letters) == letters { // at another moment than the beat
		w.rest(time.Second)
	}
	w.rest(2 * time.Second)
	letters = len(w.post.letters)
	asked, heard := w.post.asked, w.post.last["till2"]
	w.get("till2", "image")
	w.rest(syncLeast)
	if w.post.last["till2"] == heard || len(w.post.letters) > letters || w.post.asked != asked+1 {
		t.Errorf("%d questions to the hub and %d letters", w.post.asked-asked, len(w.post.letters)-letters)
	}
}

// A host of another location has no business here.
func TestLettersOfStrangers(t *testing.T) {
	w := shop(t, 6)
	w.add("far", fleet.RoleAgent, "oslo")
	w.rest(20 * time.Second)
	before, super := w.post.asked, w.hosts[w.through()["till0"]]
	super.core.Lettered(w.now, w.hosts["far"].id.Peer, 1, []byte("x"))
	if a, ok := super.core.Take(w.now); ok {
		t.Errorf("%+v", a)
	}
	if w.post.asked != before {
		t.Error("the hub was asked")
	}
}
