// SPDX-License-Identifier: Apache-2.0

// Package process runs programs beside us: started, awaited until they say that they are ready, ended.
//
// A Program says what to start, and where; a Process is one that runs. Programs that are ready say so with one line of JSON on
// stdout. Nothing outlives Stop: who does not end when asked is killed. It is not promised that a process has no children.
package process

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
	endWithin   = 15 * time.Second // bounds its end
)

// A Program is what is to be started.
type Program struct {
	Namespace string   // network namespace, on Linux; empty: that of this process
	Log       string   // file that gets its stderr, at its end; for Start only
	Env       []string // added to that of this process
	Args      []string // the first is the program itself
}

// Process is a program that runs until it is stopped.
type Process struct {
	cmd   *exec.Cmd
	log   string
	first chan []byte
	ended chan struct{}
}

// Start starts it. What it writes to stdout after its first line is dropped.
func (p Program) Start() (*Process, error) {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r := &Process{cmd: p.command(context.Background()), log: p.Log, first: make(chan []byte, 1), ended: make(chan struct{})}
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

// Run runs it to its end and returns what it printed to stdout.
func (p Program) Run(ctx context.Context) (string, error) {
	var out, errs bytes.Buffer
	cmd := p.command(ctx)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := p.within(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(p.Args[0]), strings.Join(p.Args[1:], " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (p Program) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Env = append(os.Environ(), p.Env...)
	return cmd
}

func (p Program) within(do func() error) error {
	if p.Namespace == "" {
		return do()
	}
	return tun.In(p.Namespace, do)
}

// Ready waits for the line of JSON that says that it is ready, for at most half a minute. It is called once.
func (p *Process) Ready(ctx context.Context, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("it was not ready within %v", readyWithin))
	defer cancel()
	select {
	case line := <-p.first:
		if json.Unmarshal(line, into) == nil {
			return nil
		}
		return fmt.Errorf("%s did not start: %s", p, p.LastWords())
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: %s", p, context.Cause(ctx), p.LastWords())
	}
}

// String is how it was called.
func (p *Process) String() string { return strings.Join(p.cmd.Args, " ") }

// PID is its number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// LastWords is the end of what it wrote to stderr.
func (p *Process) LastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// Signal sends it a signal. os.ErrProcessDone.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends it without a word, as a power cut would. One that has ended already is fine.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Stop asks it to end, and kills it if it does not. One that was never started is fine.
func (p *Process) Stop() error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return p.Kill() // already gone, or a system without signals
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(endWithin):
		return errors.Join(fmt.Errorf("%s did not end when asked: %s", p, p.LastWords()), p.Kill())
	}
}
