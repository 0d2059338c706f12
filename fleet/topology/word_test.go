// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/fleet"
)

var nets = []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.3.0/24", "10.2.0.0/16", "10.2.7.7/32", "2001:db8::/32", "2001:db8:7::/48"}

// drawn draws some about few locations, regions and networks, so that they contradict one another; the newest first, one of each location.
func drawn(t *rapid.T) (list []Said) {
	names := []string{"berlin", "oslo", "potsdam", "rome"}
	for _, name := range rapid.Permutation(names).Draw(t, "order") {
		s := Said{Name: name}
		if !rapid.Bool().Draw(t, "gone") || rapid.Bool().Draw(t, "gone after all") {
			l := Location{Name: name, Link: fleet.LAN, Region: rapid.SampledFrom([]string{"", "north", "south"}).Draw(t, "region")}
			for _, other := range names {
				if other != name && rapid.Bool().Draw(t, "near") {
					l.Near = append(l.Near, other)
				}
			}
			for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(nets), 0, 4, rapid.ID).Draw(t, "subnets") {
				l.Subnets = append(l.Subnets, Subnet{Network: netip.MustParsePrefix(n), Link: rapid.SampledFrom([]fleet.Link{"", fleet.WiFi}).Draw(t, "link")})
			}
			slices.SortFunc(l.Subnets, byNetwork)
			s.Word = &Word{Location: l}
		}
		list = append(list, s)
	}
	return list
}

// What words that contradict one another make is a topology; it is made once, however often and in whatever portions they are heard; what was
// said last stands whole; and of two that contradict each other the newer does.
func TestMergeOfWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := drawn(t)
		merged := Merge(&Topology{}, said)
		if err := merged.Check(); err != nil {
			t.Fatalf("%+v: %v", merged, err)
		}
		same := func(what string, other *Topology) {
			if !reflect.DeepEqual(merged.Locations, other.Locations) {
				t.Fatalf("%s: %+v, want %+v", what, other, merged)
			}
		}
		same("again", Merge(merged, said))
		older := slices.Clone(said) // before the newest was heard, something else was said there
		older[0].Word = &Word{Location: Location{Name: said[0].Name, Link: fleet.VPN, Subnets: []Subnet{{Network: netip.MustParsePrefix("10.0.0.0/8")}}}}
		before := Merge(&Topology{}, append(older[1:], older[0]))
		same("in portions", Merge(before, said))
		for i, s := range said {
			l, there := merged.Find(s.Name)
			if there != (s.Word != nil) {
				t.Fatalf("%s: there %v", s.Name, there)
			}
			if !there {
				continue
			}
			if l.Region != s.Word.Region || l.Link != s.Word.Link {
				t.Fatalf("%+v, and was said %+v", l, s.Word)
			}
			for _, n := range s.Word.Subnets {
				contradicted := slices.ContainsFunc(said[:i], func(newer Said) bool {
					return newer.Word != nil && slices.ContainsFunc(newer.Word.Subnets, func(o Subnet) bool { return o.Network.Overlaps(n.Network) })
				})
				if slices.Contains(l.Subnets, n) == contradicted {
					t.Fatalf("%s of %s: contradicted %v; %+v", n, s.Name, contradicted, merged)
				}
			}
			for _, near := range s.Word.Near {
				if _, known := merged.Find(near); slices.Contains(l.Near, near) != known {
					t.Fatalf("%s near %s: %+v", s.Name, near, merged)
				}
			}
		}
	})
}

// Of what nothing is said stays, where nothing newer contradicts it; and the words of a topology are the topology.
func TestMergeKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := Merge(&Topology{Version: 7}, drawn(t))
		if got := Merge(base, nil); !reflect.DeepEqual(got, base) && len(Diff(got, base)) > 0 {
			t.Fatalf("%+v, want %+v", got, base)
		}
		var said []Said
		for name, raw := range NewIndex(base).Words() {
			w, err := ParseWord(raw)
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			said = append(said, Said{name, w})
		}
		got := Merge(&Topology{Version: 7, Regions: base.Regions}, said)
		if d := Diff(got, base); len(d) > 0 || got.Version != 7 {
			t.Fatalf("%v", d)
		}
	})
}

// A location moves its subnet to another; the hub has forgotten both, and hears of one only.
func TestMergeOfAMovedSubnet(t *testing.T) {
	base, err := (&Topology{}).Set("berlin", []string{"subnets=10.1.0.0/16 10.2.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	oslo := &Word{Location: Location{Name: "oslo", Link: fleet.LAN, Subnets: []Subnet{{Network: netip.MustParsePrefix("10.1.4.0/24")}}}}
	got := Merge(base, []Said{{"oslo", oslo}})
	if l, _ := got.Find("berlin"); got.Check() != nil || l.text(keySubnets) != "10.2.0.0/16" {
		t.Errorf("%+v", got)
	}
	if l, _ := base.Find("berlin"); len(l.Subnets) != 2 {
		t.Error("the base was changed")
	}
}

// A host takes from the word what the hub says of its place, wherever in the location it is.
func TestPlaceByWord(t *testing.T) {
	topo, err := (&Topology{}).Set("berlin", []string{"subnets=10.1.0.0/16 10.1.9.0/24@wifi", "link=metered"})
	if err == nil {
		topo, err = topo.Set("potsdam", []string{"near=berlin"})
	}
	if err != nil {
		t.Fatal(err)
	}
	w, err := ParseWord(NewIndex(topo).Words()["berlin"])
	if err != nil || w.Near != nil {
		t.Fatal(w, err)
	}
	for _, x := range []struct {
		told, subnet string
		link         fleet.Link
	}{
		{"10.1.0.0/16", "10.1.0.0/16", fleet.Metered}, {"10.1.9.0/24", "10.1.9.0/24", fleet.WiFi}, {"10.1.9.64/26", "10.1.9.0/24", fleet.WiFi},
		{"192.168.1.0/24", "192.168.1.0/24", fleet.Metered}, {"", "", fleet.Metered}, {"nonsense", "nonsense", fleet.Metered}, {"10.0.0.0/8", "10.0.0.0/8", fleet.Metered},
	} {
		got := w.Place(fleet.Place{Subnet: x.told, Link: fleet.VPN, Near: []string{"of old"}})
		if want := (fleet.Place{Subnet: x.subnet, Link: x.link, Near: []string{"potsdam"}}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", x.told, got, want)
		}
	}
}

// A location with more subnets than a word holds is told without them, fits, and a hub that hears it keeps those that it has.
func TestWordsAreBounded(t *testing.T) {
	many := &Topology{Locations: []Location{{Name: "campus", Link: fleet.VPN}}}
	for i := range 5000 {
		many.Locations[0].Subnets = append(many.Locations[0].Subnets, Subnet{Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}), 24)})
	}
	for i := range maxBeside + 10 {
		many.Locations = append(many.Locations, Location{Name: fmt.Sprintf("shop-%058d", i), Link: fleet.LAN, Near: []string{"campus"}})
	}
	if err := many.Check(); err != nil {
		t.Fatal(err)
	}
	raw := NewIndex(many).Words()["campus"]
	w, err := ParseWord(raw)
	if err != nil || !w.Cut || w.Subnets != nil || len(w.Beside) != maxBeside {
		t.Fatalf("%d bytes: %v, %+v", len(raw), err, w)
	}
	if p := w.Place(fleet.Place{Subnet: "10.0.1.0/24", Link: fleet.WiFi}); p.Link != fleet.WiFi || p.Subnet != "10.0.1.0/24" {
		t.Errorf("%+v", p)
	}
	if got := Merge(many, []Said{{"campus", w}}); len(Diff(many, got)) > 0 {
		t.Errorf("%v", Diff(many, got))
	}
}

func TestBadWords(t *testing.T) {
	good := `{"name":"berlin","link":"lan","near":["oslo"],"subnets":[{"network":"10.1.0.0/16"}],"of a release to come":1}`
	if _, err := ParseWord([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "null", "{}", "[]", `"x"`, strings.Replace(good, `"lan"`, `"pigeon"`, 1), strings.Replace(good, "10.1.0.0", "10.1.0.1", 1),
		`{"name":"berlin","link":"lan","region":"noRth"}`,
		strings.Replace(good, `["oslo"]`, `["oslo","ask"]`, 1), strings.Replace(good, `"oslo"`, `"berlin"`, 1), strings.Replace(good, `"oslo"`, `"Oslo!"`, 1),
		strings.Replace(good, `"berlin"`, `"../x"`, 1), strings.Replace(good, "}]", `},{"network":"10.1.0.0/16"}]`, 1),
		strings.Replace(good, "}]", `},{"network":"10.0.0.0/16"}]`, 1), strings.Replace(good, `"link"`, `"down_bits_per_second":-1,"link"`, 1),
		good + strings.Repeat(" ", maxWord)} {
		if _, err := ParseWord([]byte(bad)); !errors.Is(err, ErrDocument) {
			t.Errorf("%.200q: %v", bad, err)
		}
	}
}

func FuzzWord(f *testing.F) {
	f.Add([]byte(`{"name":"berlin","link":"lan","region":"north","near":["oslo"],"nat":["203.0.113.7/32"],"subnets":[{"network":"10.1.0.0/16","link":"wifi"}],"beside":["rome"]}`))
	f.Add([]byte(`{"name":"campus","link":"vpn","cut":true}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := ParseWord(raw)
		if err != nil {
			return
		}
		_ = w.Place(fleet.Place{Subnet: "10.1.2.0/24"})
		if got := Merge(&Topology{}, []Said{{w.Name, w}}); got.Check() != nil || len(got.Locations) != 1 {
			t.Errorf("%s makes %+v: %v", raw, got, got.Check())
		}
		again := w.encode()
		if other, err := ParseWord(again); err != nil || !bytes.Equal(other.encode(), again) {
			t.Errorf("%s and %s: %v", raw, again, err)
		}
	})
}
