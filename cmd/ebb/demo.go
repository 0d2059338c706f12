// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/demo"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/units"
)

func newDemo() *cobra.Command {
	o := demo.Default()
	var down, up, size string
	var rtt, buffer time.Duration
	var noKill, keep bool
	cmd := &cobra.Command{
		Use:   "demo [FILE]",
		Short: "A whole fleet on this machine: publish, distribute, kill, resume, verify",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%q is one argument too many; usage: %s", args[1], cmd.UseLine())
			}
			return nil
		},
	}
	asJSON := jsonFlag(cmd)
	fl := cmd.Flags()
	fl.StringVar(&size, "size", "64MiB", "size of the file that is made when none is given")
	fl.IntVar(&o.Locations, "locations", o.Locations, "locations, 1 to 12")
	fl.IntVar(&o.Endpoints, "endpoints", o.Endpoints, "endpoints in each location")
	fl.StringVar(&down, "down", "20Mbit", "rate of each location's WAN link towards it")
	fl.StringVar(&up, "up", "5Mbit", "rate of each location's WAN link away from it")
	fl.DurationVar(&rtt, "rtt", 40*time.Millisecond, "round trip of the WAN link")
	fl.DurationVar(&buffer, "buffer", 200*time.Millisecond, "buffer of the WAN link, as time")
	fl.BoolVar(&noKill, "no-kill", false, "do not kill an endpoint in the middle")
	fl.BoolVar(&keep, "keep", false, "leave the fleet running at the end, with its console to look at, until Ctrl-C")
	fl.Uint64Var(&o.Seed, "seed", o.Seed, "of the file that is made and of the links")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if len(args) == 1 {
			o.File = args[0]
		}
		if o.Size, err = parseSize(size); err != nil {
			return err
		}
		if o.Down, err = direction(down, rtt, buffer); err != nil {
			return err
		}
		if o.Up, err = direction(up, rtt, buffer); err != nil {
			return err
		}
		o.Kill = !noKill
		return runDemo(cmd, o, *asJSON, keep)
	}
	return cmd
}

func direction(rate string, rtt, buffer time.Duration) (link.Config, error) {
	bits, err := parseRate(rate)
	return link.Config{Rate: bits, Delay: rtt / 2, BufferTime: buffer, Overhead: 28}, err
}

func runDemo(cmd *cobra.Command, o demo.Options, asJSON, keep bool) (err error) {
	if o.Exe, err = os.Executable(); err != nil {
		return err
	}
	view := &demoView{w: cmd.ErrOrStderr(), live: isTerminal(cmd.ErrOrStderr())}
	o.Say, o.Show = view.say, view.show
	tell := func(r *demo.Report) error {
		if asJSON {
			return printJSON(cmd.OutOrStdout(), r)
		}
		return tellReport(cmd.OutOrStdout(), r)
	}
	var told error
	if keep {
		o.Keep = func(r *demo.Report) {
			view.end()
			told = tell(r)
			view.say("the fleet goes on until Ctrl-C")
			<-cmd.Context().Done()
		}
	}
	r, err := demo.Run(cmd.Context(), o)
	view.end()
	if keep && err == nil {
		return told
	}
	if errors.Is(err, context.Canceled) {
		return &hintedError{"interrupted; its processes have ended and its directory is removed", "", exitIncomplete, err}
	}
	if r == nil {
		return err
	}
	if bad := tell(r); bad != nil {
		return bad
	}
	return err
}

// demoView shows the fleet while it works: redrawn in place on a terminal, a line now and then elsewhere.
type demoView struct {
	w     io.Writer
	live  bool
	lines int // drawn, to be drawn over
	last  time.Time
}

func (v *demoView) say(text string) {
	v.end()
	fmt.Fprintln(v.w, text)
}

func (v *demoView) show(s demo.Snapshot) {
	if !v.live && time.Since(v.last) < plainEvery {
		return
	}
	v.last = time.Now()
	text := drawSnapshot(s)
	if v.live && v.lines > 0 {
		fmt.Fprintf(v.w, "\x1b[%dA\x1b[J", v.lines)
	}
	fmt.Fprint(v.w, text)
	v.lines = strings.Count(text, "\n")
}

// end lets the next drawing begin below.
func (v *demoView) end() { v.lines = 0 }

func drawSnapshot(s demo.Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", brief(s.Elapsed))
	for _, l := range s.Locations {
		amplification := 0.0
		if s.Size > 0 {
			amplification = float64(l.WANBytes) / float64(s.Size)
		}
		fmt.Fprintf(&b, "%-8s WAN %9s, %.2fx\n", l.Name, units.IEC(l.WANBytes), amplification)
		for i, e := range l.Endpoints {
			state := fmt.Sprintf("%11s  lan %9s  wan %9s  hub %9s", units.Bitrate(e.Rate), units.IEC(e.From.LAN), units.IEC(e.From.WAN), units.IEC(e.From.Origin))
			switch {
			case e.Down:
				state = "killed"
			case e.State == "done":
				state = "done       " + state[11:]
			case e.State == "assembling":
				state = "writing    " + state[11:]
			case e.Rate < 1:
				state += "  " + e.Reason
			}
			fmt.Fprintf(&b, "  %d %s %s\n", i+1, drawBar(e.Verified, s.Size, 24), state)
		}
	}
	return b.String()
}

func drawBar(have, size int64, width int) string {
	full := width
	if size > 0 {
		full = int(have * int64(width) / size)
	}
	percent := int64(100)
	if size > 0 {
		percent = have * 100 / size
	}
	return fmt.Sprintf("%s%s %3d%%", strings.Repeat("█", full), strings.Repeat("░", width-full), percent)
}

func tellReport(out io.Writer, r *demo.Report) error {
	fmt.Fprintf(out, "\n%s reached %d of %d endpoints in %.1f s, every copy compared with the source\n", units.IEC(r.Bytes), r.Verified, r.Endpoints, r.Seconds)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LOCATION\tWAN DOWN\tAMPLIFICATION\tWAN UP\tVERIFIED\tLAST COPY")
	for _, l := range r.Locations {
		good, last := 0, 0.0
		for _, e := range l.Endpoints {
			if e.Verified {
				good++
			}
			last = max(last, e.Seconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%.2fx\t%s\t%d of %d\t%.1f s\n", l.Name, units.IEC(l.WAN), l.Amplification, units.IEC(l.WANUp), good, len(l.Endpoints), last)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Refetched != nil {
		fmt.Fprintf(out, "peer %s was killed and resumed: %s fetched again\n", r.Killed, units.IEC(*r.Refetched))
	}
	return nil
}

// parseSize reads a size with its unit.
func parseSize(text string) (int64, error) {
	if v, ok := units.Size(text); ok {
		return v, nil
	}
	return 0, usagef("%q is not a size such as 64MiB or 1.5GB", text)
}

// parseRate reads a rate with its unit, in bits per second.
func parseRate(text string) (float64, error) {
	if v, ok := units.Rate(text); ok {
		return v, nil
	}
	return 0, usagef("%q is not a rate such as 20Mbit or 2MB", text)
}
