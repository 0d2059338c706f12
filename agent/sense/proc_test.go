// SPDX-License-Identifier: Apache-2.0

package sense

import (
	"runtime"
	"testing"

	"github.com/ebbproject/ebb/agent/gentle"
)

func TestCPUTimes(t *testing.T) {
	for _, x := range []struct {
		text        string
		busy, total uint64
		ok          bool
	}{
		{"cpu  1468690 135002 520340 651328 4768 0 12699 0 0 0\ncpu0 734 1 2 3 4 5 6 7 0 0\n", 2136731, 2792827, true},
		{"cpu  2255 34 2290 22625563 6290 127 456 0 0 0\n", 5162, 22637015, true}, // proc(5)
		{"cpu  100 0 50 800 50 0 0 0 90 0\n", 150, 1000, true},                    // guests are in user
		{"cpu 1 2 3 4", 6, 10, true}, // Linux 2.4
		{"", 0, 0, false},
		{"intr 1 2 3 4 5\n", 0, 0, false},
		{"cpu 1 2 3\n", 0, 0, false},
		{"cpu 1 2 three 4\n", 0, 0, false},
		{"cpu -1 2 3 4\n", 0, 0, false},
	} {
		busy, total, ok := cpuTimes(x.text)
		if ok != x.ok || ok && (busy != x.busy || total != x.total) {
			t.Errorf("%q: %d of %d, %t", x.text, busy, total, ok)
		}
	}
}

func TestOwnTimes(t *testing.T) {
	for text, want := range map[string]uint64{
		"5034 (cat) R 4021 4021 12811 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 1 0 1401812 3133440 412": 22,
		"7 (ebb) agent (x)) S 1 7 7 0 -1 4194560 9 0 0 0 1000000 23 1 2 30 10 12 0 12 1 1":          1000023,
	} {
		if own, ok := ownTimes(text); !ok || own != want {
			t.Errorf("%q: %d, %t", text, own, ok)
		}
	}
	for _, text := range []string{"", "1 (x", "1 (x) S 1 2 3", "1 (x) S 1 7 7 0 -1 4194560 9 0 0 0 a 23 1", "1 (x) S 1 7 7 0 -1 4194560 9 0 0 0 1 -3 1"} {
		if own, ok := ownTimes(text); ok {
			t.Errorf("%q: %d", text, own)
		}
	}
}

func TestQueueTime(t *testing.T) {
	for text, want := range map[string]uint64{
		"  446216   784926  9550688  4382310  1186464  4383960  46119448  8117810        0   930330  12500280": 12500280,
		"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n":                                                          11,
	} {
		if ms, ok := queueTime(text); !ok || ms != want {
			t.Errorf("%q: %d, %t", text, ms, ok)
		}
	}
	for _, text := range []string{"", "1 2 3 4", "1 2 3 4 5 6 7 8 9 10 x"} { // four fields: a partition of Linux 2.6.24
		if ms, ok := queueTime(text); ok {
			t.Errorf("%q: %d", text, ms)
		}
	}
}

func TestPowered(t *testing.T) {
	ac := func(online string) supply { return supply{kind: "Mains", online: online} }
	battery := func(status string) supply { return supply{kind: "Battery", status: status} }
	for _, x := range []struct {
		list []supply
		want gentle.Power
	}{
		{nil, gentle.Mains}, // a desktop
		{[]supply{ac("1"), battery("Charging")}, gentle.Mains},
		{[]supply{battery("Full"), ac("1")}, gentle.Mains},
		{[]supply{ac("0"), battery("Discharging")}, gentle.Battery},
		{[]supply{ac("0"), battery("Unknown")}, gentle.Battery},
		{[]supply{battery("Discharging")}, gentle.Battery},
		{[]supply{battery("Full")}, gentle.PowerUnknown},
		{[]supply{ac("0"), {kind: "USB", online: "1"}, battery("Charging")}, gentle.Mains},                   // USB-C
		{[]supply{{kind: "Battery", status: "Discharging", scope: "Device"}}, gentle.Mains},                  // a mouse
		{[]supply{ac("1"), battery("Not charging"), {kind: "Battery", status: "Discharging"}}, gentle.Mains}, // two batteries
		{[]supply{{kind: "UPS", status: "Discharging"}}, gentle.Battery},                                     //
		{[]supply{{kind: "Battery", status: "Discharging", scope: "System"}, {kind: "USB", online: "0"}}, gentle.Battery},
	} {
		if got := powered(x.list); got != x.want {
			t.Errorf("%+v: %v", x.list, got)
		}
	}
}

func TestLinked(t *testing.T) {
	for _, x := range []struct {
		device
		want gentle.Link
	}{
		{device{kind: "1", uevent: "INTERFACE=eth0\nIFINDEX=2"}, gentle.Wired},
		{device{kind: "1", uevent: "DEVTYPE=bridge\nINTERFACE=br0"}, gentle.Wired},
		{device{kind: "1", uevent: "DEVTYPE=wlan\nINTERFACE=wlp3s0", wireless: true}, gentle.WiFi},
		{device{kind: "1", wireless: true}, gentle.WiFi},
		{device{kind: "65534", uevent: "DEVTYPE=wireguard\nINTERFACE=wg0"}, gentle.VPN},
		{device{kind: "65534", tun: true}, gentle.VPN},
		{device{kind: "1", tun: true}, gentle.VPN}, // tap
		{device{kind: "512"}, gentle.VPN},
		{device{kind: "65534", uevent: "DEVTYPE=wwan\n"}, gentle.Metered},
		{device{kind: "1", uevent: "DEVTYPE=wwan"}, gentle.Metered},
		{device{kind: "772"}, gentle.LinkUnknown},
		{device{}, gentle.LinkUnknown},
	} {
		if got := linked(x.device); got != x.want {
			t.Errorf("%+v: %v", x.device, got)
		}
	}
}

// Our own part is not what others use, and counters that go back tell nothing.
func TestOthers(t *testing.T) {
	for _, x := range []struct {
		then, now times
		want      float64
	}{
		{times{100, 1000, 10}, times{190, 1100, 50}, 0.5},
		{times{100, 1000, 10}, times{140, 1100, 60}, 0}, // rounding: our part cannot be more than all
		{times{}, times{90, 1100, 50}, gentle.Unknown},
		{times{100, 1000, 10}, times{100, 1000, 10}, gentle.Unknown},
		{times{100, 1000, 10}, times{50, 500, 10}, gentle.Unknown},
	} {
		if got := others(x.then, x.now); got != x.want {
			t.Errorf("%v to %v: %v", x.then, x.now, got)
		}
	}
}

// On a real machine the second reading tells the processors, and on Linux nothing is out of its range.
func TestReadsThisMachine(t *testing.T) {
	s := New(Config{State: t.TempDir(), Hub: "127.0.0.1:1"})
	s.Read()
	sample := s.Read()
	for range 1_000_000 {
		if sample.CPU >= 0 {
			break
		}
		sample = s.Read() // the clock of the counters ticks a hundred times a second
	}
	if sample.Link != gentle.LinkUnknown {
		t.Errorf("loopback is %v", sample.Link)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if sample.CPU < 0 || sample.CPU > 1 || sample.Queue < 0 && sample.Queue != gentle.Unknown {
		t.Error(sample)
	}
	if link := New(Config{State: t.TempDir(), Link: gentle.Metered}).Read().Link; link != gentle.Metered {
		t.Errorf("the owner says metered, and it is %v", link)
	}
}

func FuzzProc(f *testing.F) {
	f.Add("cpu  1468690 135002 520340 651328 4768 0 12699 0 0 0\n")
	f.Add("5034 (cat) R 4021 4021 12811 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 1 0 1401812 3133440 412")
	f.Add("446216 784926 9550688 4382310 1186464 4383960 46119448 8117810 0 930330 12500280")
	f.Add("DEVTYPE=wlan\nINTERFACE=wlp3s0")
	f.Fuzz(func(t *testing.T, text string) {
		if busy, total, ok := cpuTimes(text); ok && busy > total {
			t.Errorf("%d busy of %d", busy, total)
		}
		if own, ok := ownTimes(text); ok && own > 1<<63 {
			t.Errorf("own time %d", own)
		}
		if ms, ok := queueTime(text); ok && ms > 1<<63 {
			t.Errorf("queue time %d", ms)
		}
		_ = linked(device{uevent: text, kind: text}).String()
		_ = powered([]supply{{kind: text, online: text, status: text, scope: text}, {kind: "Battery", status: text}}).String()
	})
}
