// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/forecast"
	"github.com/ebbproject/ebb/units"
)

// orderFlags say who is to hold a content, by when and how.
type orderFlags struct {
	to, by, window string
	priority       int
}

func (f *orderFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.to, "to", "", "who is to fetch and keep it: all, location=NAME or peer=NAME; whoever enrols there later, too")
	fl.StringVar(&f.by, "by", "", "with --to, when it is to be there (RFC 3339); the answer says whether that can be")
	fl.StringVar(&f.window, "window", "", "with --to, hours of local time in which it may be fetched: 22:00-06:00, or several joined by commas")
	fl.IntVar(&f.priority, "priority", 0, "with --to, -100 to 100; higher goes first")
}

// command is the order of a content, or says what is wrong with the command line.
func (f *orderFlags) command(name string, id content.ID) (c desired.Command, err error) {
	c = desired.Command{Verb: desired.DoOrder, Name: name, Order: &desired.Order{Content: id, Priority: f.priority, Window: f.window}}
	if f.to == "" {
		return c, usagef("--to is missing: all, location=NAME or peer=NAME")
	}
	if c.Selector, err = desired.ParseSelector(f.to); err != nil {
		return c, usagef("--to %v", err)
	}
	if c.Selector.Content != "" || c.Selector.Type != "" {
		return c, usagef("--to %q: contents are held by locations and peers: all, location=NAME or peer=NAME", f.to)
	}
	if f.priority < -desired.MaxPriority || f.priority > desired.MaxPriority {
		return c, usagef("--priority: want a number from -%d to %d", desired.MaxPriority, desired.MaxPriority)
	}
	c.Order.By, err = deadline(f.by, f.window)
	return c, err
}

// deadline reads when something is to be there and checks the hours in which it may come; both may be empty.
func deadline(by, hours string) (t time.Time, err error) {
	if hours != "" {
		if _, err := window.Parse(hours); err != nil {
			return t, usagef("--window %v", err)
		}
	}
	if by == "" {
		return t, nil
	}
	t, err = time.Parse(time.RFC3339, by)
	if err != nil {
		return t, usagef("--by %q is not a time such as 2030-01-31T06:00:00Z", by)
	}
	if t.Before(time.Now()) {
		return t, usagef("--by %s is past", by)
	}
	return t, nil
}

func newContentOrder() *cobra.Command {
	var f orderFlags
	var s steerFlags
	cmd := &cobra.Command{Use: "order CONTENT --to SELECTOR", Short: "Let endpoints fetch and keep what was published; ebb flow undo takes it back",
		Args: exactly("the name or id of the content")}
	f.register(cmd.Flags())
	s.change(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := f.command("content", content.ID{}); err != nil { // before anybody is asked
			return err
		}
		var x api.Content
		if err := client.New(*s.state).Call(cmd.Context(), http.MethodGet, "contents/"+url.PathEscape(args[0]), nil, &x); err != nil {
			return err
		}
		c, err := f.command(x.Name, x.ID)
		if err != nil {
			return err
		}
		c.Yes = s.yes
		return s.order(cmd, c)
	}
	return cmd
}

// listedLocations bounds the locations that are told of one by one.
const listedLocations = 10

// tellForecast says whether an order can be carried out in time, the worst locations first.
func tellForecast(w io.Writer, f *forecast.Forecast) {
	if f == nil {
		return
	}
	all := f.Fits + f.Late + f.Unknown
	fmt.Fprintf(w, "by %s: fits in %d of %d locations, does not fit in %d, not known of %d\n", f.By.Format(time.RFC3339), f.Fits, all, f.Late, f.Unknown)
	for i, a := range f.Locations {
		if i == listedLocations || a.Verdict == forecast.Fits && i > 0 {
			break // of those that fit, the one with the least to spare is enough
		}
		fmt.Fprintf(w, "  %s: %s\n", a.Location, tellAnswer(a))
	}
	if more := f.Late + f.Unknown - listedLocations; more > 0 {
		fmt.Fprintf(w, "  and %d more that do not fit or are not known: --json\n", more)
	}
}

func tellAnswer(a forecast.Answer) string {
	seconds := func(s float64) string {
		return (time.Duration(min(s, 1e9)) * time.Second).String()
	}
	left := units.IEC(a.Left) + " to be fetched"
	if a.Ahead > 0 {
		left += " after " + units.IEC(a.Ahead) + " of other orders"
	}
	verdict := strings.ReplaceAll(a.Verdict, "-", " ")
	switch {
	case a.Left == 0:
		return "fits: it is there"
	case a.Needs == nil && a.Verdict == forecast.Late:
		return verdict + ": its window does not open before; " + left
	case a.Needs == nil:
		return fmt.Sprintf("%s: %s in %s, and the rate of its link is neither set (ebb location set) nor was seen", verdict, left, seconds(a.Has))
	}
	from := "as the topology says"
	if a.RateFrom == forecast.FromTraffic {
		from = "as was seen lately"
	}
	return fmt.Sprintf("%s: needs %s, has %s; %s at %s, %s", verdict, seconds(*a.Needs), seconds(a.Has), left, units.Bitrate(*a.Rate), from)
}
