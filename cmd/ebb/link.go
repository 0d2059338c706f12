// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/tun"
)

type linkFlags struct {
	leftAddress, rightAddress string
	forward, reverse          directionFlags
	seed                      uint64
	queueLog                  string
	lasting                   time.Duration
	json                      bool

	config tun.Config
}

// directionFlags say what happens to packets in one direction.
type directionFlags struct {
	rate, loss, aqm       string
	delay, buffer, jitter time.Duration
	ecn                   bool
}

func newLink() *cobra.Command {
	var f linkFlags
	cmd := &cobra.Command{
		Use:   "link --left NAMESPACE --right NAMESPACE --rate RATE",
		Short: "Join two network namespaces through an emulated link, in real time (Linux, root)",
		Long: `Join two network namespaces through an emulated link, in real time, until interrupted. Each gets a TUN device ` + tun.Device + `, and
everything between them passes the link: kernel TCP, other programs, ebb itself.

    ebb link --create --left a --right b --rate 20Mbit --delay 20ms --buffer 100ms &
    ip netns exec a ping 10.99.0.2

A rate counts whole IP packets. The queue log is CSV with a line every 10 ms and a header: unix_ns, then for each direction the queue
delay in microseconds, and since the start the bytes that came out, the packets that came out, the packets that were dropped, and the
packets that came out more than 1 ms later than they should have, because this machine was busy.`,
		Args: exactly(),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.config.Left.Namespace, "left", "", "network namespace: a name as of ip netns, or a path with a slash")
	fl.StringVar(&f.config.Right.Namespace, "right", "", "network namespace at the other end")
	fl.StringVar(&f.leftAddress, "left-address", "10.99.0.1/30", "address of the left device and its network")
	fl.StringVar(&f.rightAddress, "right-address", "10.99.0.2/30", "address of the right device and its network")
	fl.BoolVar(&f.config.Create, "create", false, "create both namespaces, and remove them at the end")
	fl.IntVar(&f.config.MTU, "mtu", tun.DefaultMTU, "of the devices")
	f.forward.add(fl, "", "")
	f.reverse.add(fl, "reverse-", ", from right to left (default: as from left to right)")
	fl.Uint64Var(&f.seed, "seed", 1, "of loss and jitter")
	fl.StringVar(&f.queueLog, "queue-log", "", "file that gets the queue delay every 10 ms")
	fl.DurationVar(&f.lasting, "for", 0, "end after this time (default: when interrupted)")
	fl.BoolVar(&f.json, "json", false, "print one line of JSON when ready and one at the end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.understand(fl); err != nil {
			return err
		}
		return f.run(cmd.Context(), cmd)
	}
	return cmd
}

// add adds the flags of a direction, whose names begin with prefix.
func (d *directionFlags) add(fl *pflag.FlagSet, prefix, of string) {
	fl.StringVar(&d.rate, prefix+"rate", "", "rate of the bottleneck, such as 20Mbit"+of)
	fl.DurationVar(&d.delay, prefix+"delay", 0, "one-way delay"+of)
	fl.DurationVar(&d.buffer, prefix+"buffer", 0, "buffer in front of the bottleneck, as time at its rate"+of)
	fl.StringVar(&d.aqm, prefix+"aqm", "none", "who manages that buffer: none, codel, pie or fq_codel"+of)
	fl.BoolVar(&d.ecn, prefix+"ecn", false, "let it mark packets that can be marked, and drop only others"+of)
	fl.StringVar(&d.loss, prefix+"loss", "", "share of the packets lost at random, such as 1%"+of)
	fl.DurationVar(&d.jitter, prefix+"jitter", 0, "mean of an exponentially distributed extra delay"+of)
}

// understand reads what is written in the flags, before anything is opened.
func (f *linkFlags) understand(fl *pflag.FlagSet) (err error) {
	switch {
	case f.config.Left.Namespace == "" || f.config.Right.Namespace == "":
		return usagef("--left and --right are needed; see: ebb link --help")
	case f.forward.rate == "":
		return usagef("--rate is needed, such as --rate 20Mbit")
	case f.lasting < 0:
		return usagef("--for %v: give a time such as 30s", f.lasting)
	}
	for _, x := range []struct {
		flag, text string
		to         *netip.Prefix
	}{{"left-address", f.leftAddress, &f.config.Left.Address}, {"right-address", f.rightAddress, &f.config.Right.Address}} {
		if *x.to, err = netip.ParsePrefix(x.text); err != nil {
			return usagef("--%s %q: want an address with its network, such as 10.99.0.1/30", x.flag, x.text)
		}
	}
	fl.VisitAll(func(flag *pflag.Flag) { // what is not said of the way back is as on the way there
		name, isReverse := strings.CutPrefix(flag.Name, "reverse-")
		if isReverse && !flag.Changed && err == nil {
			err = flag.Value.Set(fl.Lookup(name).Value.String())
		}
	})
	if err != nil {
		return err
	}
	if f.config.Forward, err = f.forward.config(f.seed); err != nil {
		return err
	}
	f.config.Reverse, err = f.reverse.config(f.seed + 1)
	return err
}

func (d directionFlags) config(seed uint64) (c link.Config, err error) {
	c = link.Config{Delay: d.delay, BufferTime: d.buffer, Jitter: d.jitter, Seed: seed}
	if c.Rate, err = parseRate(d.rate); err != nil {
		return c, err
	}
	if c.AQM, err = d.manager(); err != nil || d.loss == "" {
		return c, err
	}
	c.Loss, err = parseShare(d.loss)
	return c, err
}

// manager is the queue manager by its name, with the parameters of its RFC.
func (d directionFlags) manager() (link.AQM, error) {
	switch d.aqm {
	case "none":
		if d.ecn {
			return nil, usagef("--ecn needs a queue manager that marks, such as --aqm fq_codel")
		}
		return nil, nil
	case "codel":
		return link.CoDel{ECN: d.ecn}, nil
	case "pie":
		return link.PIE{ECN: d.ecn}, nil
	case "fq_codel":
		return link.FQCoDel{ECN: d.ecn}, nil
	}
	return nil, usagef("--aqm %q: there are none, codel, pie and fq_codel", d.aqm)
}

// parseShare reads a share, written as 1% or 0.01.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, usagef("%q is not a share such as 1%% or 0.01", text)
	}
	return v, nil
}

// run joins the namespaces until ctx ends, the time is over, or the link fails.
func (f *linkFlags) run(ctx context.Context, cmd *cobra.Command) (err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // whatever ends it, namespaces must not be left behind
	defer stop()
	if f.queueLog != "" {
		log, err := newQueueLog(f.queueLog)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, log.close()) }()
		f.config.Sampled = log.take
	}
	t, err := tun.Start(f.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if err := f.sayJoined(cmd.OutOrStdout()); err != nil {
		return err
	}
	var over <-chan time.Time
	if f.lasting > 0 {
		over = time.After(f.lasting)
	}
	select {
	case <-ctx.Done():
	case <-over:
	case err := <-t.Failed():
		return err
	}
	return f.sayEnded(cmd.OutOrStdout(), t.Stats())
}

// The lines of ebb link --json.
type linkReady struct {
	Event string  `json:"event"` // "ready"
	Left  linkEnd `json:"left"`
	Right linkEnd `json:"right"`
}

type linkEnd struct {
	Namespace string `json:"namespace"`
	Device    string `json:"device"`
	Address   string `json:"address"`
}

type linkEnded struct {
	Event   string        `json:"event"` // "ended"
	Forward linkDirection `json:"forward"`
	Reverse linkDirection `json:"reverse"`
}

type linkDirection struct {
	Packets      int64   `json:"packets"` // that came out
	Bytes        int64   `json:"bytes"`   // that came out
	BufferDrops  int64   `json:"buffer_drops"`
	AQMDrops     int64   `json:"aqm_drops"`
	RandomDrops  int64   `json:"random_drops"`
	Marked       int64   `json:"marked"` // CE
	OtherDrops   int64   `json:"other_drops"`
	QueueSeconds float64 `json:"queue_seconds_max"`
	Late         int64   `json:"late"` // packets that came out more than 1 ms after they were due
	LateSeconds  float64 `json:"late_seconds_max"`
}

func (f *linkFlags) sayJoined(w io.Writer) error {
	l, r := f.config.Left, f.config.Right
	if f.json {
		return json.NewEncoder(w).Encode(linkReady{"ready", linkEnd{l.Namespace, tun.Device, l.Address.String()}, linkEnd{r.Namespace, tun.Device, r.Address.String()}})
	}
	_, err := fmt.Fprintf(w, "joined %s (%v) and %s (%v)\n", l.Namespace, l.Address.Addr(), r.Namespace, r.Address.Addr())
	return err
}

func (f *linkFlags) sayEnded(w io.Writer, s tun.Stats) error {
	if f.json {
		return json.NewEncoder(w).Encode(linkEnded{"ended", newLinkDirection(s.Forward), newLinkDirection(s.Reverse)})
	}
	l, r := f.config.Left.Namespace, f.config.Right.Namespace
	_, err := fmt.Fprintf(w, "%s to %s: %v; %d late by up to %v\n%s to %s: %v; %d late by up to %v\n",
		l, r, s.Forward.Link, s.Forward.Late, s.Forward.Latest, r, l, s.Reverse.Link, s.Reverse.Late, s.Reverse.Latest)
	return err
}

func newLinkDirection(d tun.Direction) linkDirection {
	s := d.Link
	return linkDirection{Packets: s.Delivered.Packets, Bytes: s.Delivered.Bytes, BufferDrops: s.DroppedBuffer, RandomDrops: s.DroppedLoss,
		AQMDrops: s.DroppedAQM, Marked: s.Marked, OtherDrops: s.Dropped.Packets - s.DroppedBuffer - s.DroppedAQM - s.DroppedLoss + d.Full + d.Unsent,
		QueueSeconds: s.QueueMax.Seconds(), Late: d.Late, LateSeconds: d.Latest.Seconds()}
}
