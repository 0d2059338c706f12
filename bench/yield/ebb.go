// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/bench/stage"
)

// ebb is a hub at the left end that has published a content, and at the right end an agent, new at each start, that fetches it.
type ebb struct {
	controller string // empty: what it takes by itself
	seed       uint64

	rig    *rig
	hub    *process
	addr   string
	agent  *process
	client *client.Client
	state  string
	starts int
}

// contentName is what it is published under.
const contentName = "background"

func (e *ebb) env() []string {
	if e.controller == "" {
		return nil
	}
	return []string{"EBB_WAN_CONTROLLER=" + e.controller}
}

// program is ebb with a state directory.
func (e *ebb) program(at place, state string, args ...string) program {
	return program{namespace: at.namespace, log: filepath.Join(e.rig.dir, state+".log"), env: e.env(),
		args: append(append([]string{e.rig.exe}, args...), "--state", filepath.Join(e.rig.dir, state))}
}

func (e *ebb) prepare(ctx context.Context, r *rig) error {
	e.rig = r
	if e.controller != "" {
		help, err := program{args: []string{r.exe, "hub", "--help"}}.run(ctx)
		if err != nil {
			return err
		}
		if !strings.Contains(help, "--controller") {
			return fmt.Errorf("%w: this ebb hub has no --controller", errNotInstalled)
		}
	}
	var err error
	listen := netip.AddrPortFrom(r.left.addr, 0).String()
	if e.hub, err = e.program(r.left, "hub", "hub", "--listen", listen, "--json", "--log-level", "warn").start(); err != nil {
		return err
	}
	var ready api.Ready
	if err := e.hub.ready(ctx, &ready); err != nil {
		return err
	}
	e.addr = ready.Addr
	file := filepath.Join(r.dir, "content")
	if err := stage.WriteNoise(file, e.seed, r.content); err != nil {
		return err
	}
	_, err = e.program(r.left, "hub", "publish", file, "--name", contentName, "--type", "bench").run(ctx)
	return errors.Join(err, os.Remove(file))
}

func (e *ebb) start(ctx context.Context) (err error) {
	e.starts++
	e.state = fmt.Sprintf("agent%d", e.starts)
	token, err := e.program(e.rig.left, "hub", "token", "new").run(ctx)
	if err != nil {
		return err
	}
	if _, err := e.program(e.rig.right, e.state, "enroll", e.addr, "--token", token, "--location", "right").run(ctx); err != nil {
		return err
	}
	listen := netip.AddrPortFrom(e.rig.right.addr, 0).String()
	if e.agent, err = e.program(e.rig.right, e.state, "agent", "--listen", listen, "--json", "--log-level", "warn").start(); err != nil {
		return err
	}
	if err := e.agent.ready(ctx, &api.Ready{}); err != nil {
		return err
	}
	e.client = client.New(filepath.Join(e.rig.dir, e.state))
	_, err = e.client.Get(ctx, api.Get{Ref: contentName})
	return err
}

func (e *ebb) stop() error {
	if e.agent == nil {
		return nil
	}
	var ended error
	if e.client != nil {
		ended = e.ended()
		e.client.Close()
	}
	err := errors.Join(ended, e.agent.stop(), os.RemoveAll(filepath.Join(e.rig.dir, e.state)))
	e.agent, e.client = nil, nil
	return err
}

// ended says why the flow is no longer under way, if it is not.
func (e *ebb) ended() error {
	flows, err := e.client.Flows(context.Background())
	if err != nil {
		return err
	}
	for _, f := range flows {
		if f.Ended() {
			return fmt.Errorf("the transfer was %s before the measurement: %s %s", f.State, f.Reason, f.Detail)
		}
	}
	return nil
}

func (e *ebb) close() error {
	err := e.hub.stop()
	if e.rig != nil {
		err = errors.Join(err, os.RemoveAll(filepath.Join(e.rig.dir, "hub")))
	}
	return err
}
