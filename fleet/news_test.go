// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

// reader is a host that keeps what replies tell it.
type reader struct {
	id     Identity
	cursor string
	near   map[string]Member // neighbours
	far    map[string]Member
	told   map[content.ID]bool // holdings that the hub has confirmed
	said   map[content.ID]bool // holdings that it may have heard of
	holds  map[content.ID]bool
	wanted []content.ID
	life   int
}

func newReader(location, peer string) *reader {
	return &reader{id: host(location, peer), near: map[string]Member{}, far: map[string]Member{}, told: map[content.ID]bool{}, said: map[content.ID]bool{}, holds: map[content.ID]bool{}}
}

func (r *reader) report() SyncRequest {
	q := SyncRequest{Lan: "10.0.0.1:" + r.id.Peer, Instance: fmt.Sprint(r.id.Peer, r.life), Cursor: r.cursor, Partial: r.cursor != "", Wanted: r.wanted}
	for _, id := range slices.SortedFunc(maps.Keys(r.holds), content.ID.Compare) {
		if !q.Partial || !r.told[id] {
			q.Holdings = append(q.Holdings, Holding{Content: id})
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(r.said), content.ID.Compare) {
		if q.Partial && !r.holds[id] {
			q.Dropped = append(q.Dropped, id)
			delete(r.told, id)
		}
	}
	maps.Copy(r.said, r.holds)
	return q
}

func (r *reader) hears(reply SyncReply) {
	if !reply.Partial {
		clear(r.near)
		clear(r.far)
	}
	for _, name := range reply.Gone {
		delete(r.near, name)
	}
	for _, m := range reply.Peers {
		if m.Location == r.id.Location {
			r.near[m.Peer] = m
		} else {
			r.far[m.Peer] = m
		}
	}
	r.cursor, r.told, r.said = reply.Cursor, maps.Clone(r.holds), maps.Clone(r.holds)
	if reply.Again {
		r.cursor, r.told = "", map[content.ID]bool{}
	}
}

// Whatever happens, who follows the news knows what a full reply would tell: with reports and replies that are lost, hosts
// that come, move, fall silent and start again, and a hub that forgets everything.
func TestNewsAreTheWholeTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDirectory(theHub)
		now := morning
		readers := map[string]*reader{}
		place := rapid.SampledFrom([]string{"berlin", "oslo"})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 5, 30, 61, 3000}).Draw(t, "s")) * time.Second)
			name := fmt.Sprint(rapid.IntRange(0, 6).Draw(t, "peer"))
			r := readers[name]
			switch {
			case r == nil || rapid.IntRange(0, 9).Draw(t, "start again") == 0:
				old := r
				r = newReader(place.Draw(t, "place"), name)
				if readers[name] = r; old != nil {
					r.life = old.life + 1
				}
			case rapid.IntRange(0, 30).Draw(t, "hub") == 0:
				life := d.Life
				d = NewDirectory(theHub)
				d.Life = life + 1
			}
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				r.holds[content.ID{rapid.ByteRange(0, 3).Draw(t, "content")}] = true
			case 1:
				delete(r.holds, content.ID{rapid.ByteRange(0, 3).Draw(t, "content")})
			case 2:
				r.wanted = []content.ID{{rapid.ByteRange(0, 3).Draw(t, "wish")}}
			}
			q := r.report()
			h := d.Announced(now, r.id, q)
			d.Placed(name, Place{Link: rapid.SampledFrom([]Link{LAN, LAN, LAN, VPN}).Draw(t, "link"), Near: []string{"oslo"}})
			d.Forget(now)
			reply := d.Answer(now, r.id, q, h)
			if rapid.IntRange(0, 4).Draw(t, "lost") == 0 {
				continue
			}
			r.hears(reply)
			whole := d.Reply(now, r.id, r.wanted)
			want := map[string]Member{}
			for _, m := range whole.Peers {
				if m.Location == r.id.Location {
					want[m.Peer] = m
				} else if fmt.Sprint(r.far[m.Peer]) != fmt.Sprint(m) {
					t.Fatalf("elsewhere: %v, want %v", r.far[m.Peer], m)
				}
			}
			if fmt.Sprint(r.near) != fmt.Sprint(want) {
				t.Fatalf("%s knows\n%v, want\n%v", name, r.near, want)
			}
			if !reply.Again && fmt.Sprint(d.members[name].holds) != fmt.Sprint(r.holds) {
				t.Fatalf("the hub takes %s to hold %v, it holds %v", name, d.members[name].holds, r.holds)
			}
		}
	})
}

// Three hundred hosts of one location start within a minute and fetch one content: what each of
// them sends and hears of the others stays far below 30 MiB.
func TestPresenceIsSmall(t *testing.T) {
	d := NewDirectory(theHub)
	now := morning
	const hosts, seconds = 300, 240
	var readers []*reader
	bytes := make([]int, hosts)
	for i := range hosts {
		r := newReader("a-location-with-a-name", PeerName([]byte{byte(i), byte(i >> 8)}))
		r.wanted = []content.ID{content.Sum(nil)}
		readers = append(readers, r)
	}
	for tick := range seconds / 2 {
		now = now.Add(2 * time.Second)
		for i, r := range readers {
			if i/10 > tick {
				continue // ten more every two seconds
			}
			if tick > i/10+5 {
				r.holds[r.wanted[0]] = true
			}
			q := r.report()
			q.Lan, q.Net, q.Location = "10.123.123.123:54321", "10.123.123.123/16", r.id.Location
			h := d.Announced(now, r.id, q)
			d.Placed(r.id.Peer, Place{Subnet: "10.123.0.0/16", Link: LAN})
			reply := d.Answer(now, r.id, q, h)
			r.hears(reply)
			for _, doc := range []any{q, reply} {
				b, err := json.Marshal(doc)
				if err != nil {
					t.Fatal(err)
				}
				bytes[i] += len(b)
			}
		}
	}
	most := slices.Max(bytes)
	t.Logf("%d hosts, %d s, a report every 2 s: at most %.2f MiB a host in both directions", hosts, seconds, float64(most)/(1<<20))
	if most > 1<<20 {
		t.Errorf("%d bytes", most)
	}
	if n := len(readers[0].near); n != hosts-1 {
		t.Errorf("%d neighbours known", n)
	}
}

// A machine and the clone of its disk: the second takes over as a host that was started again would, and from then on the
// first is told, does not count, and changes nothing that others hear.
func TestTwins(t *testing.T) {
	d := NewDirectory(theHub)
	now := morning
	id := host("berlin", "a")
	says := func(instance, lan string) SyncReply {
		now = now.Add(2 * time.Second)
		q := SyncRequest{Instance: instance, Lan: lan}
		return d.Answer(now, id, q, d.Announced(now, id, q))
	}
	listed := func(want string) {
		t.Helper()
		if got := d.members["a"].Lan; got != want {
			t.Errorf("%s is listed, want %s", got, want)
		}
	}
	says("one", "10.0.0.1:1")
	if r := says("two", "10.0.0.2:1"); r.Twin != "" {
		t.Errorf("a restart is taken for a twin at %s", r.Twin)
	}
	listed("10.0.0.2:1")
	change := d.members["a"].change
	for range 5 {
		if r := says("one", "10.0.0.1:1"); r.Twin != "10.0.0.2:1" {
			t.Errorf("the first is told of %q", r.Twin)
		}
		if r := says("two", "10.0.0.2:1"); r.Twin != "10.0.0.1:1" {
			t.Errorf("the second is told of %q", r.Twin)
		}
	}
	if listed("10.0.0.2:1"); d.members["a"].change != change {
		t.Error("others are told of changes that are none")
	}
	now = now.Add(twinFor)
	if r := says("two", "10.0.0.2:1"); r.Twin != "" {
		t.Error("the second is told of the first long after")
	}
	now = now.Add(SilentAfter) // the second is switched off
	if r := says("one", "10.0.0.1:1"); r.Twin != "" {
		t.Error("the first is alone and is told of a twin")
	}
	listed("10.0.0.1:1")
}

func TestCursorsHaveOneForm(t *testing.T) {
	want := cursor{1, 0xabc, 7, 1 << 63, 0}
	if got, ok := parseCursor(want.String()); !ok || got != want {
		t.Errorf("%v, %v", got, ok)
	}
	for _, s := range []string{"", "1.2.3.4", "1.2.3.4.5.6", "01.2.3.4.5", "x.2.3.4.5", "1.2.3.4.5 ", "+1.2.3.4.5", strings.Repeat("f", 17) + ".2.3.4.5"} {
		if c, ok := parseCursor(s); ok {
			t.Errorf("%q is read as %v", s, c)
		}
	}
}
