// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/golden"
)

func parse(t *testing.T, name string) (*Topology, error) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if strings.HasSuffix(name, ".csv") {
		return ParseCSV(f)
	}
	return ParseYAML(f)
}

func good(t *testing.T, name string) *Topology {
	t.Helper()
	top, err := parse(t, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return top
}

// One network written in both languages is one topology, and its document has one form.
func TestOneNetworkInTwoLanguages(t *testing.T) {
	a, b := good(t, "shops.csv"), good(t, "shops.yaml")
	if !bytes.Equal(a.Encode(), b.Encode()) {
		t.Errorf("CSV:\n%s\nYAML:\n%s", a.Encode(), b.Encode())
	}
	again, err := Decode(a.Encode())
	if err != nil || !bytes.Equal(again.Encode(), a.Encode()) {
		t.Errorf("%v\n%s", err, again.Encode())
	}
	semicolons, err := ParseCSV(strings.NewReader("\xef\xbb\xbflocation;subnets\r\na;10.1.0.0/16\r\n"))
	if err != nil || len(semicolons.Locations) != 1 {
		t.Errorf("a spreadsheet's file: %v", err)
	}
}

// Everything that is wrong with a file is told at once, with its line and the nearest known word; nothing comes of it.
func TestBrokenFiles(t *testing.T) {
	var out strings.Builder
	files, err := filepath.Glob("testdata/broken*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		top, err := parse(t, name)
		var p *Problems
		if top != nil || !errors.As(err, &p) {
			t.Fatalf("%s: %v, %v", name, top, err)
		}
		fmt.Fprintf(&out, "# %s\n", name)
		for _, one := range p.List {
			fmt.Fprintln(&out, one)
		}
	}
	path := filepath.Join("testdata", "problems.golden")
	golden.Check(t, path, out.String())
}

func TestWhereAnAddressIs(t *testing.T) {
	x := NewIndex(good(t, "shops.yaml"))
	for _, c := range []struct{ addr, want string }{
		{"10.1.2.3", "berlin 10.1.0.0/16 lan"},
		{"10.1.9.3", "berlin 10.1.9.0/24@wifi wifi"}, // the longest
		{"::ffff:10.1.9.3", "berlin 10.1.9.0/24@wifi wifi"},
		{"2001:db8:1::5", "berlin 2001:db8:1::/48 lan"},
		{"10.200.0.1", "road 10.200.0.0/16 vpn"},
		{"10.9.9.9", "nowhere"},
		{"", "nowhere"},
	} {
		addr, _ := netip.ParseAddr(c.addr)
		if got := where(x.Lookup(addr)); got != c.want {
			t.Errorf("%s is in %s, want %s", c.addr, got, c.want)
		}
	}
	if got := fmt.Sprint(x.Near("berlin"), x.Near("potsdam"), x.Near("oslo")); got != "[potsdam] [berlin] []" {
		t.Errorf("near: %s", got)
	}
}

func where(m Match, ok bool) string {
	switch {
	case !ok:
		return "nowhere"
	case m.Subnet == nil:
		return m.Location.Name
	}
	return fmt.Sprint(m.Location.Name, " ", m.Subnet, " ", m.Link())
}

// A host is where the hub sees it; what it says of itself counts behind a NAT that the topology names.
func TestWhereAHostIs(t *testing.T) {
	x := NewIndex(good(t, "shops.yaml"))
	for _, c := range []struct{ story, seen, own, want, auto string }{
		{"no NAT", "10.1.2.3", "10.1.2.3/16", "berlin", "net-10.1.0.0-16"},
		{"two shops behind one public address", "203.0.113.1", "10.2.0.7/24", "oslo", "net-10.2.0.0-24-via-203.0.113.1"},
		{"the other one", "203.0.113.1", "10.3.0.7/24", "potsdam", "net-10.3.0.0-24-via-203.0.113.1"},
		{"neither of them", "203.0.113.1", "192.168.1.4/24", "nowhere", "net-192.168.1.0-24-via-203.0.113.1"},
		{"at home, with the numbers of a shop", "198.51.100.9", "10.2.0.7/24", "nowhere", "net-10.2.0.0-24-via-198.51.100.9"},
		{"a public address that one location alone has", "203.0.113.77", "192.168.1.4/24", "kiosk", "net-192.168.1.0-24-via-203.0.113.77"},
		{"a network inside the host", "10.1.2.3", "172.17.0.2/16", "berlin", "net-172.17.0.0-16-via-10.1.2.3"},
		{"it claims another shop's network", "10.1.2.3", "10.2.0.7/24", "berlin", "net-10.2.0.0-24-via-10.1.2.3"},
		{"IPv6", "2001:db8:1::5", "2001:db8:1::5/64", "berlin", "net-2001-db8-1---64"},
		{"IPv4 as IPv6", "::ffff:10.1.2.3", "10.1.2.3/16", "berlin", "net-10.1.0.0-16"},
		{"it does not say", "192.0.2.4", "", "nowhere", "net-192.0.2.4-32"},
	} {
		seen := netip.MustParseAddr(c.seen)
		own, _ := netip.ParsePrefix(c.own)
		m, ok := x.Place(seen, own)
		if got, _, _ := strings.Cut(where(m, ok), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.story, got, c.want)
		}
		if got := AutoName(seen, own); got != c.auto || fleet.ValidLocation(got) != nil {
			t.Errorf("%s: %s, want %s", c.story, got, c.auto)
		}
	}
	long := AutoName(netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"), netip.MustParsePrefix("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/127"))
	if err := fleet.ValidLocation(long); err != nil {
		t.Error(err)
	}
}

// Changing one location, and what is told of it.
func TestChanges(t *testing.T) {
	top := good(t, "shops.yaml")
	var out strings.Builder
	tell := func(what string, to *Topology, err error) {
		fmt.Fprintf(&out, "# %s\n", what)
		if err != nil {
			fmt.Fprintln(&out, err)
			return
		}
		if cerr := to.Check(); cerr != nil {
			t.Errorf("%s: %v", what, cerr)
		}
		for _, c := range Diff(top, to) {
			fmt.Fprintln(&out, c)
		}
	}
	set := func(name string, pairs ...string) {
		to, err := top.Set(name, pairs)
		tell(name+" "+strings.Join(pairs, " "), to, err)
	}
	set("oslo", "up=5Mbit", "down=", "near=berlin", "subnets=10.2.0.0/24, 10.2.1.0/24@wifi")
	set("oslo")
	set("rome", "region=south", "link=metered", "nat=203.0.113.9")
	set("oslo", "region=", "link=")
	set("Rome 1")
	set("oslo", "colour=red", "up=fast", "up=1Mbit", "x", "region=nroth", "near=oslo nowhere", "subnets=10.1.5.0/24 10.2.0.1/24")
	gone, ok := top.Remove("potsdam")
	if !ok {
		t.Fatal("potsdam is not there")
	}
	tell("rm potsdam", gone, nil)
	tell("rm potsdam, and back", top, nil)
	if _, ok := gone.Remove("potsdam"); ok {
		t.Error("removed twice")
	}
	tell("region west", top.Declare("west"), nil)
	path := filepath.Join("testdata", "changes.golden")
	golden.Check(t, path, out.String())
}

// The index agrees with looking at every subnet, whatever they are.
func TestLookupIsTheLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.Custom(func(t *rapid.T) netip.Addr {
			b := rapid.SliceOfN(rapid.ByteRange(0, 3), 3, 3).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "ipv6") {
				return netip.AddrFrom16([16]byte{0x20, 1, b[0], b[1], 15: b[2]})
			}
			return netip.AddrFrom4([4]byte{10, b[0], b[1], b[2]})
		})
		top := &Topology{Locations: []Location{{Name: "a", Link: fleet.LAN}}}
		for range rapid.IntRange(0, 20).Draw(t, "subnets") {
			a := address.Draw(t, "network")
			n := netip.PrefixFrom(a, rapid.IntRange(1, a.BitLen()).Draw(t, "bits")).Masked()
			if !slices.ContainsFunc(top.Locations[0].Subnets, func(s Subnet) bool { return s.Network == n }) {
				top.Locations[0].Subnets = append(top.Locations[0].Subnets, Subnet{Network: n})
			}
		}
		top.sorted()
		if err := top.Check(); err != nil {
			t.Fatal(err)
		}
		x := NewIndex(top)
		for range 20 {
			addr := address.Draw(t, "address")
			best := netip.Prefix{}
			for _, s := range top.Locations[0].Subnets {
				if s.Network.Contains(addr) && s.Network.Bits() > best.Bits() {
					best = s.Network
				}
			}
			if m, ok := x.Lookup(addr); ok != best.IsValid() || ok && m.Subnet.Network != best {
				t.Fatalf("%s is in %v, want %s", addr, m.Subnet, best)
			}
		}
	})
}

// What a change makes is always a whole topology, and Diff is empty only when nothing differs.
func TestDocumentIsStrict(t *testing.T) {
	whole := good(t, "shops.yaml").Encode()
	for what, broken := range map[string][]byte{
		"nothing":    nil,
		"half of it": whole[:len(whole)/2],
		"more":       append(slices.Clone(whole), '1'),
		"format":     bytes.Replace(whole, []byte(`"format":1`), []byte(`"format":2`), 1),
		"unknown":    bytes.Replace(whole, []byte(`"format":1`), []byte(`"format":1,"x":1`), 1),
		"order":      bytes.Replace(whole, []byte(`"name":"berlin"`), []byte(`"name":"zulu"`), 1),
		"reference":  bytes.Replace(whole, []byte(`"near":["potsdam"]`), []byte(`"near":["rome"]`), 1),
		"host bits":  bytes.Replace(whole, []byte(`"10.2.0.0/24"`), []byte(`"10.2.0.1/24"`), 1),
		"overlap":    bytes.Replace(whole, []byte(`"10.2.0.0/24"`), []byte(`"10.1.7.0/24"`), 1),
	} {
		if top, err := Decode(broken); !errors.Is(err, ErrDocument) || top != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTooManyIsRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("location,subnets\n")
	for i := range MaxLocations + 100 {
		fmt.Fprintf(&b, "l%d,\n", i)
	}
	_, err := ParseCSV(strings.NewReader(b.String()))
	var p *Problems
	if !errors.As(err, &p) || len(p.List) != 1 || !strings.Contains(p.List[0].Text, "100000 locations") {
		t.Errorf("%v", err)
	}
	_, err = ParseYAML(strings.NewReader("locations:\n" + strings.Repeat("#", maxYAML)))
	if !errors.As(err, &p) || !strings.Contains(err.Error(), "write it as CSV") {
		t.Errorf("%v", err)
	}
	b.Reset()
	b.WriteString("location,subnets\n")
	for range maxProblems + 10 {
		b.WriteString("a,nonsense\n")
	}
	if _, err = ParseCSV(strings.NewReader(b.String())); !errors.As(err, &p) || len(p.List) != maxProblems || p.More != 10 {
		t.Errorf("%d problems and %d more", len(p.List), p.More)
	}
}

// A file of a million rows is read, with a row too many it is refused, and one of which every row is broken says so in a few lines.
func TestAMillionRows(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a million rows three times")
	}
	rows := func(n int, row func(b *bytes.Buffer, i int)) (*Topology, error) {
		b := bytes.NewBufferString("location,subnets\n")
		for i := range n {
			row(b, i)
		}
		return ParseCSV(b)
	}
	good := func(b *bytes.Buffer, i int) {
		fmt.Fprintf(b, "shop-%05d,%d.%d.%d.%d/28\n", i/11, 10+i>>20, i>>12&255, i>>4&255, i&15<<4)
	}
	if top, err := rows(MaxSubnets, good); err != nil || top.subnets() != MaxSubnets {
		t.Errorf("a million rows: %v", err)
	}
	var p *Problems
	top, err := rows(MaxSubnets+100, good)
	if top != nil || !errors.As(err, &p) || len(p.List) != 1 || !strings.Contains(p.List[0].Text, "1000000 subnets") {
		t.Errorf("a hundred rows too many: %v", err)
	}
	top, err = rows(MaxSubnets, func(b *bytes.Buffer, i int) { fmt.Fprintf(b, "shop,10.0.0.%d/99\n", i%256) })
	if top != nil || !errors.As(err, &p) || len(p.List) != maxProblems || p.More != MaxSubnets-maxProblems {
		t.Errorf("all rows broken: %d problems and %d more", len(p.List), p.More)
	}
}

// A million rows; go test -bench Million -benchmem ./fleet/topology.
func BenchmarkMillionRows(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("location,region,subnets,near,up\n,north,,,\n")
	for i := range MaxSubnets {
		fmt.Fprintf(&text, "shop-%05d,north,%d.%d.%d.%d/28,,20Mbit\n", i/10, 10+i>>20, i>>12&255, i>>4&255, i&15<<4)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		top, err := ParseCSV(bytes.NewReader(text.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(top.Encode())), "document-bytes")
	}
}
