// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/units"
)

const (
	lookEvery  = 200 * time.Millisecond
	plainEvery = 10 * time.Second // without a terminal
	unknownFor = 15 * time.Second // how long a name may stay unknown while the hub cannot be asked
)

type getFlags struct {
	state, out string
	priority   int
	timeout    time.Duration
	overwrite  bool
	json       bool

	stage      bool
	by, window string
}

// tellWithin bounds how long the agent may take to hear of a flow.
const tellWithin = 10 * time.Second

func newGet() *cobra.Command {
	var f getFlags
	cmd := &cobra.Command{
		Use:   "get CONTENT",
		Short: "Fetch a content by name or id, with a progress bar that says where the bytes come from",
		Long: "Fetch a content by name or id. Interrupting it leaves the flow with the agent, which goes on fetching;\n" +
			"ebb flow ls shows it and ebb flow cancel ends it.",
		Args: exactly("the name or id of the content"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.state, "state", defaultState(), "state directory of the agent")
	fl.StringVarP(&f.out, "output", "o", "", "where to write it (default: keep it in the cache only)")
	fl.IntVar(&f.priority, "priority", 0, "-100 to 100, higher goes first")
	fl.DurationVar(&f.timeout, "timeout", 0, "stop waiting after this long (default: never)")
	fl.BoolVar(&f.overwrite, "overwrite", false, "replace what is there")
	fl.BoolVar(&f.stage, "stage", false, "fetch it ahead of need: leave it with the agent and return at once")
	fl.StringVar(&f.by, "by", "", "with --stage, when it is to be here (RFC 3339); until then it stays in the cache")
	fl.StringVar(&f.window, "window", "", "with --stage, hours of local time in which it may be fetched: 22:00-06:00, or several joined by commas")
	fl.BoolVar(&f.json, "json", false, "print the finished flow as JSON")
	return cmd
}

func (f *getFlags) run(cmd *cobra.Command, ref string) error {
	ctx := cmd.Context()
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	g := api.Get{Ref: ref, Priority: f.priority, Overwrite: f.overwrite}
	if f.out != "" {
		abs, err := filepath.Abs(f.out)
		if err != nil {
			return err
		}
		g.Out = abs
	}
	if err := f.plan(&g); err != nil {
		return err
	}
	c := client.New(f.state)
	// Whoever interrupts while the agent is told hears what has become of it all the same.
	told, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
	defer cancel()
	flow, err := c.Get(told, g)
	if err != nil {
		return err
	}
	if f.stage {
		return f.tellStaged(cmd, flow)
	}
	flow, err = watch(ctx, c, flow, newProgress(cmd.ErrOrStderr()))
	if err != nil {
		return err
	}
	if f.json {
		if err := printJSON(cmd.OutOrStdout(), flow); err != nil {
			return err
		}
	}
	return outcome(flow)
}

// watch shows a flow until it ends, ctx does, or it turns out that nobody can say what is meant.
func watch(ctx context.Context, c *client.Client, f api.Flow, p progress) (api.Flow, error) {
	defer p.close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	unknown := time.Now()
	for !f.Ended() {
		p.show(f)
		select {
		case <-ctx.Done():
			return f, unfinished(f, ctx.Err())
		case <-tick.C:
		}
		next, err := c.Flow(ctx, f.ID)
		switch {
		case errors.Is(err, client.ErrUnreachable) || isUnavailable(err): // restarted, perhaps: it will go on
			p.say("the agent does not answer, waiting for it")
			continue
		case err != nil && ctx.Err() == nil:
			return f, err
		case err != nil:
			continue
		}
		f = next
		if f.State != api.StateResolving {
			unknown = time.Now()
		}
		if err := hopeless(f, time.Since(unknown)); err != nil {
			_ = c.Call(ctx, "POST", "flows/"+f.ID+"/cancel", nil, nil)
			return f, err
		}
	}
	p.show(f)
	return f, nil
}

// isUnavailable reports whether the daemon has answered that it is going away.
func isUnavailable(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Code == api.CodeUnavailable
}

// hopeless says why it makes no sense to go on waiting for somebody to tell what a flow is about.
func hopeless(f api.Flow, unknown time.Duration) error {
	switch {
	case f.State == api.StateResolving && f.Reason == scheduler.HubRefuses.String():
		return &api.Problem{Title: fmt.Sprintf("the hub cannot be asked for %q", f.Ref), Code: api.CodeDenied, Detail: f.Detail,
			Hint: scheduler.HubRefuses.Remedy()}
	case unknown > unknownFor:
		return &api.Problem{Title: fmt.Sprintf("nobody reachable knows %q", f.Ref), Code: api.CodeUnreachable, Detail: f.Detail,
			Hint: "ebb status shows whether the hub can be reached"}
	}
	return nil
}

func outcome(f api.Flow) error {
	switch f.State {
	case api.StateDone:
		return nil
	case api.StateCancelled:
		return &api.Problem{Title: fmt.Sprintf("the flow of %q was cancelled", f.Ref), Code: api.CodeIncomplete}
	}
	p := &api.Problem{Title: fmt.Sprintf("%q could not be fetched", f.Ref), Code: f.Reason, Detail: f.Detail}
	if f.Reason == api.CodeNoSpace {
		p.Hint = "ebb cache ls shows what is held and how much may be"
	}
	if f.Reason == api.CodeExists {
		p.Hint = fmt.Sprintf("ebb get %s -o %s --overwrite", f.Ref, f.Out)
	}
	return p
}

// unfinished is what is left when the caller has waited long enough.
func unfinished(f api.Flow, err error) error {
	why := "interrupted"
	if errors.Is(err, context.DeadlineExceeded) {
		why = "timed out"
	}
	return &hintedError{fmt.Sprintf("%s: %q is not complete (%s), the agent goes on with it as flow %s", why, f.Ref, standing(f), f.ID),
		fmt.Sprintf("ebb why %s, or end it with: ebb flow cancel %s", f.Ref, f.ID), exitIncomplete, err}
}

// standing says how far a flow is and what it waits for.
func standing(f api.Flow) string {
	if f.Content == "" {
		return "nobody has told yet what it is; " + reasonOf(f)
	}
	return fmt.Sprintf("%s of %s; %s", units.IEC(f.Verified), units.IEC(f.Size), reasonOf(f))
}

func reasonOf(f api.Flow) string {
	if f.Reason == "" {
		return f.State
	}
	return f.Reason
}

// progress shows how a flow goes.
type progress interface {
	show(api.Flow)
	say(string)
	close()
}

func newProgress(w io.Writer) progress {
	if isTerminal(w) {
		return &barProgress{w: w}
	}
	return &plainProgress{w: w, last: time.Now()}
}

// barProgress is a bar on a terminal.
type barProgress struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

func (p *barProgress) show(f api.Flow) {
	if f.Size == 0 {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(f.Size, progressbar.OptionSetWriter(p.w), progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true), progressbar.OptionSetWidth(24), progressbar.OptionThrottle(lookEvery/2),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
	}
	p.bar.Describe(describe(f))
	_ = p.bar.Set64(f.Verified)
}

func (p *barProgress) say(text string) { fmt.Fprintf(p.w, "\r\x1b[K%s\n", text) }

func (p *barProgress) close() {
	if p.bar != nil {
		_ = p.bar.Exit()
		fmt.Fprintln(p.w)
	}
}

// plainProgress prints a line now and then where there is no terminal.
type plainProgress struct {
	w    io.Writer
	last time.Time
	said string
}

func (p *plainProgress) show(f api.Flow) {
	if time.Since(p.last) < plainEvery && !f.Ended() {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(p.w, "%s: %s of %s, %s, %s\n", f.Ref, units.IEC(f.Verified), units.IEC(f.Size), units.Bitrate(f.Rate), describe(f))
}

func (p *plainProgress) say(text string) {
	if text != p.said {
		fmt.Fprintln(p.w, text)
		p.said = text
	}
}

func (p *plainProgress) close() {}

// describe says where the bytes come from and, when nothing comes, why.
func describe(f api.Flow) string {
	s := fmt.Sprintf("%s [lan %s, wan %s, origin %s]", f.State, units.IEC(f.From.LAN), units.IEC(f.From.WAN), units.IEC(f.From.Origin))
	if f.Rate < 1 && f.Reason != "" && !f.Ended() {
		s += " waiting: " + f.Reason
	}
	return s
}
