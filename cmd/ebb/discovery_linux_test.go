// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/process"
)

// village is a LAN in network namespaces: a bridge in one of them, the hub beside it, and hosts in others.
type village struct {
	t   *testing.T
	ctx context.Context
	exe string
	dir string

	number int64 // of this process's
}

// villages is how many this process has made.
var villages atomic.Int64

func newVillage(t *testing.T, hosts int) *village {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is missing; install iproute2")
	}
	exe, err := exec.LookPath("ebb")
	if err != nil {
		t.Fatal(err)
	}
	t.Parallel() // they wait for time to pass, most of the time
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	v := &village{t: t, ctx: ctx, exe: exe, dir: t.TempDir(), number: villages.Add(1)}
	v.namespace("lan")
	v.ip("-n %s link add br0 address %s type bridge mcast_snooping 0", v.in("lan"), gateway)
	v.ip("-n %s addr add 10.30.0.1/24 dev br0", v.in("lan"))
	v.ip("-n %s link set br0 up", v.in("lan"))
	for n := 1; n <= hosts; n++ {
		host := fmt.Sprint(n)
		v.namespace(host)
		v.ip("link add h%d netns %s type veth peer name eth0 netns %s", n, v.in("lan"), v.in(host))
		v.ip("-n %s link set h%d master br0", v.in("lan"), n)
		v.ip("-n %s link set h%d up", v.in("lan"), n)
		v.ip("-n %s addr add %s/24 dev eth0", v.in(host), address(n))
		v.ip("-n %s link set eth0 up", v.in(host)) // and no route to anywhere else, nor one for multicast
	}
	return v
}

// gateway is the link-layer address of the bridge.
const gateway = "02:eb:b0:00:00:01"

func address(n int) string { return fmt.Sprintf("10.30.0.%d", 10+n) }

func (v *village) in(name string) string {
	return fmt.Sprintf("ebb-village-%d-%d-%s", os.Getpid(), v.number, name)
}

func (v *village) ip(format string, args ...any) {
	v.t.Helper()
	command := append([]string{"ip"}, strings.Fields(fmt.Sprintf(format, args...))...)
	if _, err := (process.Program{Args: command}).Run(v.ctx); err != nil {
		v.t.Fatal(err)
	}
}

func (v *village) namespace(name string) {
	v.ip("netns add %s", v.in(name))
	v.t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", v.in(name)).CombinedOutput(); err != nil {
			v.t.Errorf("%v: %s", err, out)
		}
	})
	v.ip("-n %s link set lo up", v.in(name))
}

// ebb is the program in one of the namespaces.
func (v *village) ebb(name string) process.Ebb {
	return process.Ebb{Exe: v.exe, Namespace: v.in(name), Env: append(os.Environ(), "EBB_SERVE_ALWAYS=true", "EBB_CACHE_MIN_FREE=off")}
}

func (v *village) state(name string) string { return filepath.Join(v.dir, name) }

func (v *village) run(name string, args ...string) string {
	v.t.Helper()
	out, err := v.ebb(name).Run(v.ctx, args...)
	if err != nil {
		v.t.Fatal(err)
	}
	return out
}

// start starts an agent, which ends with the test.
func (v *village) start(n int, args ...string) {
	v.t.Helper()
	name := fmt.Sprint(n)
	d, err := v.ebb(name).Daemon(v.ctx, v.state(name), append([]string{"agent"}, args...)...)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			v.t.Errorf("host %d: %v", n, err)
		}
	})
}

// Hosts of one location that have never heard of one another, and whose hub is gone for ever, find one another and a content moves
// between them: by multicast, and where there is none by what the operator wrote down.
func TestALocationFindsItselfWithoutTheHub(t *testing.T) {
	v := newVillage(t, 4)
	hub, err := v.ebb("lan").Daemon(v.ctx, v.state("hub"), "hub", "--listen", "10.30.0.1:7300")
	if err != nil {
		t.Fatal(err)
	}
	image := bytes.Repeat([]byte("what everybody wants "), 1<<17)
	file := filepath.Join(v.dir, "image")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	v.run("lan", "publish", file, "--name", "image", "--type", "bench", "--state", v.state("hub"))
	for n := 1; n <= 4; n++ {
		token := strings.TrimSpace(v.run("lan", "token", "new", "--state", v.state("hub")))
		v.run(fmt.Sprint(n), "enroll", hub.Ready.Addr, "--token", token, "--location", "village", "--state", v.state(fmt.Sprint(n)))
	}
	v.start(1, "--listen", "[::]:8733") // one listens at all of its addresses, the others at one
	v.get(1, image)
	if err := hub.Kill(); err != nil {
		t.Fatal(err)
	}
	v.start(2, "--listen", address(2)+":0")
	v.get(2, image)
	v.start(3, "--listen", address(3)+":0")
	v.get(3, image)
	for n, most := range map[int]int{2: 3, 3: 2} {
		s, err := client.New(v.state(fmt.Sprint(n))).Status(v.ctx)
		if err != nil || !s.Discovery.Multicast || s.Discovery.Heard < 1 || s.Discovery.Heard > most || s.Discovery.Problem != "" {
			t.Errorf("host %d: %v, %+v", n, err, s.Discovery)
		}
	}

	v.ip("-n %s link set eth0 multicast off", v.in("4"))
	v.start(4, "--listen", address(4)+":0", "--peers-static", address(1)+":8733")
	v.get(4, image)
	if s, err := client.New(v.state("4")).Status(v.ctx); err != nil || !strings.Contains(s.Discovery.Problem, "multicast is not possible here") {
		t.Errorf("host 4: %v, %+v", err, s.Discovery)
	}
}

// get fetches the image on a host.
func (v *village) get(n int, image []byte) {
	v.t.Helper()
	began, name := time.Now(), fmt.Sprint(n)
	out := v.state(name + ".copy")
	v.run(name, "get", "image", "-o", out, "--state", v.state(name))
	v.t.Logf("host %d has it after %s", n, time.Since(began).Round(100*time.Millisecond))
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, image) {
		v.t.Errorf("host %d has something else: %v", n, err)
	}
}
