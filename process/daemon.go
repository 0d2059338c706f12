// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/ebbproject/ebb/agent/api"
)

// A Daemon is ebb as a hub or an agent, with a state directory of its own.
type Daemon struct {
	*Process
	Ready api.Ready
}

// An Ebb is the executable and where its daemons run.
type Ebb struct {
	Exe       string
	Namespace string // as in Program
	Env       []string
}

// Daemon runs ebb on a state directory, which it makes, and waits until it is ready. Its log is the file log in there.
func (e Ebb) Daemon(ctx context.Context, state string, args ...string) (*Daemon, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	p := e.program(append(args, "--state", state, "--json", "--log-level", "warn"))
	p.Log = filepath.Join(state, "log")
	r, err := p.Start()
	if err != nil {
		return nil, err
	}
	d := &Daemon{Process: r}
	if err := r.Ready(ctx, &d.Ready); err != nil {
		return nil, errors.Join(err, r.Kill())
	}
	return d, nil
}

// Run runs one command of ebb to its end and returns what it printed.
func (e Ebb) Run(ctx context.Context, args ...string) (string, error) {
	return e.program(args).Run(ctx)
}

func (e Ebb) program(args []string) Program {
	return Program{Namespace: e.Namespace, Env: e.Env, Args: append([]string{e.Exe}, args...)}
}
