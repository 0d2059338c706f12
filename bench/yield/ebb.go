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
	"github.com/ebbproject/ebb/process"
)

// ebb is a hub at the left end that has published a content, and at the right end an agent, new at each start, that fetches it.
type ebb struct {
	controller string // empty: what it takes by itself
	seed       uint64

	rig    *rig
	hub    *process.Daemon
	agent  *process.Daemon
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

// at is ebb at one end of the link.
func (e *ebb) at(p place) process.Ebb {
	return process.Ebb{Exe: e.rig.exe, Namespace: p.namespace, Env: e.env()}
}

// in is the state directory of that name.
func (e *ebb) in(name string) string { return filepath.Join(e.rig.dir, name) }

func (e *ebb) prepare(ctx context.Context, r *rig) error {
	e.rig = r
	if e.controller != "" {
		help, err := e.at(r.left).Run(ctx, "hub", "--help")
		if err != nil {
			return err
		}
		if !strings.Contains(help, "--controller") {
			return fmt.Errorf("%w: this ebb hub has no --controller", errNotInstalled)
		}
	}
	var err error
	listen := netip.AddrPortFrom(r.left.addr, 0).String()
	if e.hub, err = e.at(r.left).Daemon(ctx, e.in("hub"), "hub", "--listen", listen); err != nil {
		return err
	}
	file := filepath.Join(r.dir, "content")
	if err := stage.WriteNoise(file, e.seed, r.content); err != nil {
		return err
	}
	_, err = e.at(r.left).Run(ctx, "publish", file, "--name", contentName, "--type", "bench", "--state", e.in("hub"))
	return errors.Join(err, os.Remove(file))
}

func (e *ebb) start(ctx context.Context) (err error) {
	e.starts++
	e.state = e.in(fmt.Sprintf("agent%d", e.starts))
	token, err := e.at(e.rig.left).Run(ctx, "token", "new", "--state", e.in("hub"))
	if err != nil {
		return err
	}
	right := e.at(e.rig.right)
	if _, err := right.Run(ctx, "enroll", e.hub.Ready.Addr, "--token", token, "--location", "right", "--state", e.state); err != nil {
		return err
	}
	listen := netip.AddrPortFrom(e.rig.right.addr, 0).String()
	if e.agent, err = right.Daemon(ctx, e.state, "agent", "--serve-always", "--listen", listen); err != nil {
		return err
	}
	e.client = client.New(e.state)
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
	err := errors.Join(ended, e.agent.Stop(), os.RemoveAll(e.state))
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
	if e.hub == nil {
		return nil
	}
	return errors.Join(e.hub.Stop(), os.RemoveAll(e.in("hub")))
}
