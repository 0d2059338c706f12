// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

const (
	readyWithin = 30 * time.Second // bounds the start of a daemon
	endWithin   = 15 * time.Second // bounds its end
)

// process is one daemon.
type process struct {
	cmd   *exec.Cmd
	ready api.Ready
	log   string // file with what it wrote to stderr
	ended chan struct{}
}

// start runs ebb as a daemon on a state directory and waits until it says that it is ready.
func start(ctx context.Context, exe, state string, args ...string) (*process, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(exe, append(args, "--state", state, "--json", "--log-level", "warn")...), log: filepath.Join(state, "log"),
		ended: make(chan struct{})}
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
		defer close(p.ended)
		r := bufio.NewReader(out)
		first, _ := r.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, r) // so that it never blocks on its output
		_ = p.cmd.Wait()
	}()
	select {
	case first := <-line:
		if err = json.Unmarshal(first, &p.ready); err == nil {
			return p, nil
		}
		err = fmt.Errorf("ebb %s did not start: %s", args[0], p.lastWords())
	case <-time.After(readyWithin):
		err = fmt.Errorf("ebb %s was not ready within %s: %s", args[0], readyWithin, p.lastWords())
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, p.kill())
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// lastWords is the end of what it wrote to stderr.
func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// kill ends it without a word.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// stop asks it to end, and kills it if it does not. One that was never started is fine.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return p.kill() // already gone, or a system without signals
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(endWithin):
		return errors.Join(fmt.Errorf("process %d did not end when asked: %s", p.pid(), p.lastWords()), p.kill())
	}
}

// command runs a program to its end and returns what it printed.
func command(ctx context.Context, exe string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(exe), args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
