// SPDX-License-Identifier: Apache-2.0

package yield

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

	"github.com/ebbproject/ebb/link/tun"
)

const (
	readyWithin = 30 * time.Second // bounds the start of a process
	endWithin   = 10 * time.Second // bounds its end
)

// process is a program that runs until it is stopped.
type process struct {
	cmd   *exec.Cmd
	log   string // file with what it wrote to stderr
	first chan []byte
	ended chan struct{}
}

// A program is what is to be started.
type program struct {
	namespace string // empty: that of this process
	log       string // file that gets its stderr, and its stdout but for the first line
	env       []string
	args      []string
}

func (p program) start() (*process, error) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r := &process{cmd: p.command(context.Background()), log: p.log, first: make(chan []byte, 1), ended: make(chan struct{})}
	r.cmd.Stderr = log
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.within(r.cmd.Start); err != nil {
		return nil, err
	}
	go func() {
		defer close(r.ended)
		b := bufio.NewReader(out)
		line, _ := b.ReadBytes('\n')
		r.first <- line
		_, _ = io.Copy(io.Discard, b) // so that it never blocks on its output
		_ = r.cmd.Wait()
	}()
	return r, nil
}

func (p program) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

func (p program) within(do func() error) error {
	if p.namespace == "" {
		return do()
	}
	return tun.In(p.namespace, do)
}

// run runs it to its end and returns what it printed.
func (p program) run(ctx context.Context) (string, error) {
	var out, errs bytes.Buffer
	cmd := p.command(ctx)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := p.within(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(p.args[0]), strings.Join(p.args[1:], " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// ready waits for the line of JSON that says so.
func (p *process) ready(ctx context.Context, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("it was not ready within %v", readyWithin))
	defer cancel()
	select {
	case line := <-p.first:
		if json.Unmarshal(line, into) == nil {
			return nil
		}
		return fmt.Errorf("%s did not start: %s", p, p.lastWords())
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: %s", p, context.Cause(ctx), p.lastWords())
	}
}

func (p *process) String() string { return strings.Join(p.cmd.Args, " ") }

// lastWords is the end of what it wrote to stderr.
func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// stop asks it to end, and kills it if it does not. One that was never started is fine.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err == nil {
		select {
		case <-p.ended:
			return nil
		case <-time.After(endWithin):
		}
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return errors.Join(fmt.Errorf("%s did not end when asked: %s", p, p.lastWords()), err)
}
