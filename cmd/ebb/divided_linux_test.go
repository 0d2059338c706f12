// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/link/tun"
)

// until waits for something to become true; what it was instead is what the test fails with.
func (v *village) until(what string, is func() (string, bool)) {
	v.t.Helper()
	began := time.Now()
	for {
		last, ok := is()
		if ok {
			v.t.Logf("%s after %s", what, time.Since(began).Round(100*time.Millisecond))
			return
		}
		if v.ctx.Err() != nil || time.Since(began) > patience {
			v.t.Fatalf("it is not seen in %s that %s; at last: %s", patience, what, last)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// hub starts one that all hosts reach, and says where it is.
func (v *village) hub() (addr string) {
	v.t.Helper()
	h, err := v.ebb("lan").Daemon(v.ctx, v.state("hub"), "hub", "--listen", "10.30.0.1:7300")
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		if err := h.Stop(); err != nil {
			v.t.Error(err)
		}
	})
	return h.Ready.Addr
}

func (v *village) client(n int) *client.Client { return client.New(v.state(fmt.Sprint(n))) }

func (v *village) status(n int) api.Status {
	v.t.Helper()
	c := v.client(n)
	defer c.Close()
	s, err := c.Status(v.ctx)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

// capped is a configuration under which so much comes from other locations.
func (v *village) capped(rate string) string {
	v.t.Helper()
	file := v.state("agent.yaml")
	if err := os.WriteFile(file, []byte("limits: {download: "+rate+"}\n"), 0o600); err != nil {
		v.t.Fatal(err)
	}
	return file
}

// noise is a content that nothing in it makes smaller.
func (v *village) noise(name string, size int) []byte {
	v.t.Helper()
	b := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{byte(len(name))}).Read(b); err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile(v.state(name), b, 0o600); err != nil {
		v.t.Fatal(err)
	}
	v.run("lan", "publish", v.state(name), "--name", name, "--type", "bench", "--state", v.state("hub"))
	return b
}

// fetch begins to fetch a content on a host.
func (v *village) fetch(n int, name string) (flow func() api.Flow) {
	v.t.Helper()
	c := v.client(n)
	v.t.Cleanup(c.Close)
	f, err := c.Get(v.ctx, api.Get{Ref: name, Out: v.state(fmt.Sprintf("%s.%d", name, n))})
	if err != nil {
		v.t.Fatal(err)
	}
	return func() api.Flow {
		v.t.Helper()
		now, err := c.Flow(v.ctx, f.ID)
		if err != nil {
			v.t.Fatal(err)
		}
		return now
	}
}

// arrives waits until a content is on hosts, and compares it. It returns what of it crossed the WAN link, and what of all that came was of no use.
func (v *village) arrives(name string, want []byte, flows map[int]func() api.Flow) (crossed, wasted int64) {
	v.t.Helper()
	for n, flow := range flows {
		var f api.Flow
		v.until(fmt.Sprintf("host %d has %s", n, name), func() (string, bool) {
			f = flow()
			return fmt.Sprintf("%+v", f), f.Ended()
		})
		if got, err := os.ReadFile(v.state(fmt.Sprintf("%s.%d", name, n))); err != nil || !bytes.Equal(got, want) {
			v.t.Errorf("host %d has something else for %s: %v", n, name, err)
		}
		crossed += f.From.WAN + f.From.Origin
		wasted += f.Wasted
	}
	return crossed, wasted
}

// metric is a line of the hub's page.
func (v *village) metric(line string) bool {
	v.t.Helper()
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", client.Socket(v.state("hub")))
	}}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("http://ebb/metrics")
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return strings.Contains(string(b), "\n"+line+"\n")
}

// divide moves hosts to a bridge of their own. The hub reaches both sides, and they do not reach one another.
func (v *village) divide(hosts ...int) {
	v.ip("-n %s link add br1 address %s type bridge mcast_snooping 0", v.in("lan"), gateway)
	v.ip("-n %s link set br1 up", v.in("lan"))
	for _, n := range hosts {
		v.ip("-n %s link set h%d master br1", v.in("lan"), n)
		v.ip("-n %s route add %s/32 dev br1 src 10.30.0.1", v.in("lan"), address(n))
	}
}

// heal makes one LAN of the two again.
func (v *village) heal(hosts ...int) {
	for _, n := range hosts {
		v.ip("-n %s link set h%d master br0", v.in("lan"), n)
		v.ip("-n %s route del %s/32 dev br1", v.in("lan"), address(n))
	}
	v.ip("-n %s link del br1", v.in("lan"))
}

// "A partitioned LAN counts as two locations, and says so", and is one location again when it is one LAN.
func TestADividedLANIsTwoLocations(t *testing.T) {
	v := newVillage(t, 4)
	hub := v.hub()
	peers := map[int]string{}
	for n := 1; n <= 4; n++ {
		token := strings.TrimSpace(v.run("lan", "token", "new", "--state", v.state("hub")))
		v.run(fmt.Sprint(n), "enroll", hub, "--token", token, "--location", "village", "--state", v.state(fmt.Sprint(n)))
		// Slow enough that one side could not have all before the divide is told, however long that takes here.
		v.start(n, "--listen", address(n)+":0", "--config", v.capped("1Mbit"))
		peers[n] = v.status(n).Peer
	}
	image := v.noise("image", 24<<20)
	flows := map[int]func() api.Flow{}
	for n := 1; n <= 4; n++ {
		flows[n] = v.fetch(n, "image")
	}
	all := func(what string, is func(n int, s api.Status) bool) {
		t.Helper()
		for n := 1; n <= 4; n++ {
			v.until(fmt.Sprintf("host %d %s", n, what), func() (string, bool) {
				s := v.status(n)
				return fmt.Sprintf("%+v", s), is(n, s)
			})
		}
	}
	all("talks to the three others and the hub", func(_ int, s api.Status) bool { return s.Peers == 4 })

	v.divide(3, 4)
	across := map[int][]string{1: {peers[3], peers[4]}, 2: {peers[3], peers[4]}, 3: {peers[1], peers[2]}, 4: {peers[1], peers[2]}}
	all("says that the two on the other side do not answer", func(n int, s api.Status) bool {
		slices.Sort(across[n])
		return s.Divided != nil && s.Divided.Wanted == 3 && slices.Equal(s.Divided.Peers, across[n])
	})
	if out := v.run("1", "status", "--state", v.state("1")); !strings.Contains(out, "divided: 2 of the 3 hosts of this location") {
		t.Errorf("status says\n%s", out)
	}
	if out := v.run("3", "why", "image", "--state", v.state("3")); !strings.Contains(out, "location-split: 2 of the 3 hosts") {
		t.Errorf("why says\n%s", out)
	}
	v.until("the hub counts four hosts that are apart", func() (string, bool) { return "", v.metric(`ebb_apart_hosts{location="village"} 4`) })
	for _, side := range [][]int{{1, 2}, {3, 4}} {
		came := func() (sum int64) {
			for _, n := range side {
				sum += flows[n]().From.Origin
			}
			return sum
		}
		before := came()
		v.until(fmt.Sprintf("hosts %v fetch from the hub", side), func() (string, bool) { return fmt.Sprint(came()), came() > before })
	}

	v.heal(3, 4)
	all("says that the location is one", func(_ int, s api.Status) bool { return s.Divided == nil && s.Peers == 4 })
	v.until("the hub counts nobody who is apart", func() (string, bool) { return "", v.metric(`ebb_apart_hosts{location="village"} 0`) })
	v.run("lan", "policy", "set", "limits.download", "none", "--location", "village", "--lock", "--yes", "--state", v.state("hub"))
	crossed, wasted := v.arrives("image", image, flows)
	t.Logf("a content crossed the WAN link %.3f times, %.3f of it in vain", float64(crossed)/float64(len(image)), float64(wasted)/float64(len(image)))
	if crossed > 2*int64(len(image))+wasted {
		t.Errorf("%d bytes crossed the WAN link for %d, with %d in vain: more than once for each side", crossed, len(image), wasted)
	}

	second := v.noise("second", 8<<20)
	for n := 1; n <= 4; n++ {
		flows[n] = v.fetch(n, "second")
	}
	// Two locations would fetch it twice; 1.5 leaves room for what a busy machine lets a lease run out over.
	if crossed, _ = v.arrives("second", second, flows); crossed > int64(len(second))*3/2 {
		t.Errorf("when the LAN was one again, %d bytes crossed the WAN link for %d", crossed, len(second))
	}
}

// "A roaming host changes location when its address does": it leaves a LAN in the middle of a transfer and comes to another one, where it
// belongs to the location of that one, talks to who is there, and goes on with what it has.
func TestARoamingHostBelongsWhereItsAddressIs(t *testing.T) {
	v := newVillage(t, 3)
	lan := v.in("lan")
	if err := tun.In(lan, func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }); err != nil {
		t.Fatal(err)
	}
	v.ip("-n %s link add br1 type bridge mcast_snooping 0", lan)
	v.ip("-n %s addr add 10.31.0.1/24 dev br1", lan)
	v.ip("-n %s link set br1 up", lan)
	moves := func(n int) {
		v.ip("-n %s addr del %s/24 dev eth0", v.in(fmt.Sprint(n)), address(n))
		v.ip("-n %s link set h%d master br1", lan, n)
		v.ip("-n %s addr add 10.31.0.%d/24 dev eth0", v.in(fmt.Sprint(n)), 10+n)
		v.ip("-n %s route add default via 10.31.0.1", v.in(fmt.Sprint(n)))
	}
	moves(3)
	for n := 1; n <= 2; n++ {
		v.ip("-n %s route add default via 10.30.0.1", v.in(fmt.Sprint(n)))
	}
	hub := v.hub()
	for name, subnet := range map[string]string{"village": "10.30.0.0/24", "town": "10.31.0.0/24"} {
		v.run("lan", "location", "set", name, "subnets="+subnet, "--state", v.state("hub"))
	}
	for n := 1; n <= 3; n++ {
		token := strings.TrimSpace(v.run("lan", "token", "new", "--state", v.state("hub")))
		v.run(fmt.Sprint(n), "enroll", hub, "--token", token, "--location", "auto", "--state", v.state(fmt.Sprint(n)))
		v.start(n, "--listen", "0.0.0.0:8733", "--config", v.capped("2Mbit"))
		if s := v.status(n); s.Location != map[int]string{1: "village", 2: "village", 3: "town"}[n] {
			t.Fatalf("host %d is in %s", n, s.Location)
		}
	}
	image := v.noise("image", 8<<20)
	flow := v.fetch(2, "image")
	v.until("host 2 has some of it", func() (string, bool) { return fmt.Sprintf("%+v", flow()), flow().Have > 0 })
	before := flow().Have

	roamer := v.status(2).Peer
	moves(2)
	v.until("host 2 is in the town", func() (string, bool) {
		s := v.status(2)
		return fmt.Sprintf("%+v", s), s.Location == "town" && s.Hub.Reachable && s.Hub.Warning == ""
	})
	if f := flow(); f.Have < before {
		t.Errorf("it had %d chunks before it moved and has %d", before, f.Have)
	}
	v.run("lan", "policy", "set", "limits.download", "none", "--all", "--lock", "--yes", "--state", v.state("hub"))
	v.arrives("image", image, map[int]func() api.Flow{2: flow})

	// Where it is now it is a neighbour, and serves.
	class := func(n int) (class string) {
		c := v.client(n)
		defer c.Close()
		peers, err := c.Peers(v.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range peers {
			if p.Peer == roamer {
				class = p.Class
			}
		}
		return class
	}
	v.until("host 3 takes host 2 for a neighbour", func() (string, bool) { return class(3), class(3) == "subnet" })
	v.until("host 1 does not any more", func() (string, bool) { return class(1), class(1) == "" || class(1) == "far" })
	next := v.fetch(3, "image")
	v.arrives("image", image, map[int]func() api.Flow{3: next})
	if f := next(); f.From.LAN == 0 {
		t.Errorf("host 3 has %+v, and its new neighbour has all of it", f.From)
	}
}
