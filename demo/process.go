// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

// readyWithin bounds the start of a daemon.
const readyWithin = 30 * time.Second

// process is one daemon of the fleet.
type process struct {
	cmd   *exec.Cmd
	ready api.Ready
	log   string // file with what it wrote to stderr
	ended chan struct{}
}

// start runs ebb as a daemon and waits until it says that it is ready.
func start(ctx context.Context, exe, state string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(exe, append(args, "--state", state, "--json")...), log: filepath.Join(state, "log"), ended: make(chan struct{})}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan []byte, 1)
	go func() {
		r := bufio.NewReader(out)
		b, _ := r.ReadBytes('\n')
		line <- b
		_, _ = r.WriteTo(discard{}) // so that the daemon never blocks on its output
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	select {
	case b := <-line:
		if err := json.Unmarshal(b, &p.ready); err != nil {
			return nil, errors.Join(fmt.Errorf("ebb %s did not start: %s", args[0], p.lastWords()), p.kill())
		}
		return p, nil
	case <-time.After(readyWithin):
		err = fmt.Errorf("ebb %s was not ready within %s: %s", args[0], readyWithin, p.lastWords())
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, p.kill())
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// lastWords is the end of what the daemon wrote to stderr.
func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// kill ends the daemon without a word, as a power cut would.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// stop asks the daemon to end, and kills it if it does not.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return p.kill() // already gone, or a system without signals
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(10 * time.Second):
		return errors.Join(fmt.Errorf("process %d did not end when asked", p.cmd.Process.Pid), p.kill())
	}
}

// command runs ebb once and returns what it printed.
func command(ctx context.Context, exe string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("ebb %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
