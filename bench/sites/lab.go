// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ebbproject/ebb/link/tun"
	"github.com/ebbproject/ebb/process"
)

// ErrNotHere: this machine cannot have the namespaces; the text says what is missing.
var ErrNotHere = errors.New("not possible here")

// An Uplink is how a site reaches the core. Rates are bits per second of IP packets.
type Uplink struct {
	Down, Up float64
	Delay    time.Duration // one way
	Buffer   time.Duration // at the rate
}

// lab is the network.
type lab struct {
	exe, dir, prefix string
	core             string // namespace
	sites            []*site
	made             []string // namespaces, to be removed
}

// site is one location of the lab.
type site struct {
	name    string
	number  int
	gateway string // namespace
	hosts   []seat
	link    *process.Process
	log     string // what the link says of its queues every 10 ms
}

// seat is where a host sits.
type seat struct {
	namespace string
	addr      netip.Addr
}

var hubAddr = netip.MustParseAddr("10.97.0.1")

// newLab makes the namespaces and starts the links. lasting bounds the life of a link, should nobody be there any more to end it.
func newLab(ctx context.Context, exe, dir string, s Scenario, lasting time.Duration) (l *lab, err error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: network namespaces need root", ErrNotHere)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return nil, fmt.Errorf("%w: ip is missing; install iproute2", ErrNotHere)
	}
	l = &lab{exe: exe, dir: dir, prefix: fmt.Sprintf("ebb-sites-%d", os.Getpid())}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.core, err = l.namespace(ctx, "core", true); err != nil {
		return l, err
	}
	if err := l.ip(ctx, "-n "+l.core+" addr add "+hubAddr.String()+"/32 dev lo"); err != nil {
		return l, err
	}
	for i := range s.Sites {
		if err := l.addSite(ctx, i+1, s, lasting); err != nil {
			return l, err
		}
	}
	return l, nil
}

// namespace makes one, with its loopback up.
func (l *lab) namespace(ctx context.Context, name string, forwards bool) (string, error) {
	full := l.prefix + "-" + name
	if err := l.ip(ctx, "netns add "+full); err != nil {
		return "", err
	}
	l.made = append(l.made, full)
	if err := l.ip(ctx, "-n "+full+" link set lo up"); err != nil || !forwards {
		return full, err
	}
	return full, tun.In(full, func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
}

// ip runs the commands of ip in turn.
func (l *lab) ip(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		if _, err := (process.Program{Args: append([]string{"ip"}, strings.Fields(c)...)}).Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) addSite(ctx context.Context, n int, sc Scenario, lasting time.Duration) (err error) {
	s := &site{name: fmt.Sprintf("site-%d", n), number: n, log: filepath.Join(l.dir, fmt.Sprintf("queue-%d.csv", n))}
	l.sites = append(l.sites, s)
	up, err := l.namespace(ctx, fmt.Sprintf("up-%d", n), true)
	if err != nil {
		return err
	}
	if s.gateway, err = l.namespace(ctx, fmt.Sprintf("gw-%d", n), true); err != nil {
		return err
	}
	args := []string{l.exe, "link", "--left", up, "--right", s.gateway, "--json", "--queue-log", s.log, "--for", lasting.String(),
		"--rate", rate(sc.Uplink.Down), "--delay", sc.Uplink.Delay.String(), "--buffer", sc.Uplink.Buffer.String(),
		"--reverse-rate", rate(sc.Uplink.Up)}
	if s.link, err = (process.Program{Args: args, Log: filepath.Join(l.dir, s.name+".link")}).Start(); err != nil {
		return err
	}
	if err := s.link.Ready(ctx, &struct{}{}); err != nil {
		return err
	}
	core := fmt.Sprintf("s%d", n)
	err = l.ip(ctx, fmt.Sprintf("link add %s netns %s type veth peer name eth0 netns %s", core, l.core, up),
		fmt.Sprintf("-n %s addr add 10.98.%d.1/30 dev %s", l.core, n, core),
		fmt.Sprintf("-n %s link set %s up", l.core, core),
		fmt.Sprintf("-n %s addr add 10.98.%d.2/30 dev eth0", up, n),
		fmt.Sprintf("-n %s link set eth0 up", up),
		fmt.Sprintf("-n %s route add default via 10.98.%d.1", up, n),
		fmt.Sprintf("-n %s route add 10.20.%d.0/24 via 10.99.0.2", up, n),
		fmt.Sprintf("-n %s route add 10.20.%d.0/24 via 10.98.%d.2", l.core, n, n),
		fmt.Sprintf("-n %s route add default via 10.99.0.1", s.gateway),
		fmt.Sprintf("-n %s link add br0 type bridge", s.gateway),
		fmt.Sprintf("-n %s addr add 10.20.%d.1/24 dev br0", s.gateway, n),
		fmt.Sprintf("-n %s link set br0 up", s.gateway))
	for i := range sc.Hosts {
		if err == nil {
			err = l.addHost(ctx, s, i+1)
		}
	}
	return err
}

func (l *lab) addHost(ctx context.Context, s *site, i int) error {
	host, err := l.namespace(ctx, fmt.Sprintf("%d-%d", s.number, i), false)
	if err != nil {
		return err
	}
	addr := netip.AddrFrom4([4]byte{10, 20, byte(s.number), byte(10 + i)})
	s.hosts = append(s.hosts, seat{namespace: host, addr: addr})
	port := fmt.Sprintf("h%d", i)
	return l.ip(ctx, fmt.Sprintf("link add %s netns %s type veth peer name eth0 netns %s", port, s.gateway, host),
		fmt.Sprintf("-n %s link set %s master br0", s.gateway, port),
		fmt.Sprintf("-n %s link set %s up", s.gateway, port),
		fmt.Sprintf("-n %s addr add %s/24 dev eth0", host, addr),
		fmt.Sprintf("-n %s link set eth0 up", host),
		fmt.Sprintf("-n %s route add default via 10.20.%d.1", host, s.number))
}

// rate is the flag of ebb link for bits per second.
func rate(bits float64) string { return fmt.Sprintf("%.0fkbit", bits/1e3) }

// close ends the links and removes the namespaces.
func (l *lab) close() error {
	var errs []error
	for _, s := range l.sites {
		errs = append(errs, s.link.Stop())
	}
	for _, name := range l.made {
		errs = append(errs, l.ip(context.Background(), "netns del "+name))
	}
	return errors.Join(errs...)
}
