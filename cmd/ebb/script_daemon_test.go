// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/relay"
)

// daemonProcess is a hub or an agent that a script has started.
type daemonProcess struct {
	cmd   *exec.Cmd
	log   string // file
	ended chan struct{}
	err   error // of Wait, once ended is closed
}

// daemon STATE hub|agent ARGS... starts a daemon on a state directory, waits until it says that it is ready, and sets
// STATE_ADDR and STATE_PEER. Its ready line goes to STATE.ready, what it writes to stderr to STATE.log.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: daemon STATE hub|agent ARGS...")
	}
	startDaemon(ts, args[0], args[1:]...)
}

func startDaemon(ts *testscript.TestScript, state string, args ...string) {
	s := on(ts)
	if s.daemons[state] != nil {
		ts.Fatalf("a daemon runs on %s already", state)
	}
	full := append([]string{"ebb", args[0], "--state", state, "--json"}, args[1:]...)
	if !strings.Contains(strings.Join(args, " "), "--listen") && ts.Getenv("EBB_LISTEN") == "" {
		full = append(full, "--listen", "127.0.0.1:0")
	}
	d := &daemonProcess{cmd: command(ts, full...), log: ts.MkAbs(state + ".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	s.logs[d.log] = true
	defer log.Close()
	d.cmd.Stderr = log
	out, err := d.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(d.cmd.Start())
	s.daemons[state] = d
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		first, _ := r.ReadString('\n') // an error shows as a line that is no document
		line <- first
		_, _ = io.Copy(io.Discard, r)
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	var ready api.Ready
	select {
	case text := <-line:
		if err := json.Unmarshal([]byte(text), &ready); err != nil {
			ts.Fatalf("%s did not start: %q\n%s", state, text, d.lastWords())
		}
		ts.Check(os.WriteFile(ts.MkAbs(state+".ready"), []byte(text), 0o600))
	case <-time.After(patience):
		ts.Fatalf("%s was not ready in %s\n%s", state, patience, d.lastWords())
	}
	ts.Setenv(state+"_ADDR", ready.Addr)
	ts.Setenv(state+"_PEER", ready.Peer)
}

// lastWords is the end of what the daemon wrote to stderr.
func (d *daemonProcess) lastWords() string {
	b, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return lastLines(string(b))
}

// interrupt asks the daemon to end, and kills it if it does not.
func (d *daemonProcess) interrupt() error {
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		return d.kill() // it has ended, or the system has no signals
	}
	select {
	case <-d.ended:
		return d.err
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("process %d did not end when it was asked to", d.cmd.Process.Pid), d.kill())
	}
}

func (d *daemonProcess) kill() error {
	err := d.cmd.Process.Kill()
	<-d.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// take removes a daemon from the stage.
func take(ts *testscript.TestScript, state string) *daemonProcess {
	s := on(ts)
	d := s.daemons[state]
	if d == nil {
		ts.Fatalf("no daemon runs on %s", state)
	}
	delete(s.daemons, state)
	return d
}

// end STATE... asks daemons to end; each must do so with exit code 0.
func end(ts *testscript.TestScript, neg bool, args []string) {
	for _, state := range args {
		if err := take(ts, state).interrupt(); err != nil || neg {
			ts.Fatalf("%s: %v", state, err)
		}
	}
}

// strike STATE... kills daemons with SIGKILL. A daemon may be named by its peer, too; LEFT is then the state of another that still runs.
func strike(ts *testscript.TestScript, neg bool, args []string) {
	for _, state := range args {
		for name := range on(ts).daemons {
			if ts.Getenv(name+"_PEER") == state {
				state = name
			}
		}
		for name := range on(ts).daemons {
			if name != state && name != "H" {
				ts.Setenv("LEFT", name)
			}
		}
		if err := take(ts, state).kill(); err != nil || neg {
			ts.Fatalf("%s: %v", state, err)
		}
	}
}

// fleet STATE:LOCATION... starts a hub on H, and enrols and starts agents.
func startFleet(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: fleet STATE:LOCATION...")
	}
	startDaemon(ts, "H", "hub")
	for _, arg := range args {
		state, location, _ := strings.Cut(arg, ":")
		token, err := command(ts, "ebb", "token", "new", "--state", "H").Output()
		ts.Check(err)
		out, err := command(ts, "ebb", "enroll", ts.Getenv("H_ADDR"), "--token", strings.TrimSpace(string(token)), "--location", location,
			"--state", state).CombinedOutput()
		if err != nil {
			ts.Fatalf("%s: %v\n%s", state, err, out)
		}
		startDaemon(ts, state, "agent")
	}
}

// wan NAME RATE starts an emulated WAN link of that rate and 10 ms of round trip, and sets NAME to where hosts behind
// it send to.
func startWAN(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wan NAME RATE")
	}
	rate, err := parseRate(args[1])
	ts.Check(err)
	way := link.Config{Rate: rate, Delay: 5 * time.Millisecond, BufferTime: 200 * time.Millisecond, Overhead: 28}
	r, err := relay.Start(relay.Config{Listen: "127.0.0.1:0", Up: way, Down: way})
	ts.Check(err)
	on(ts).clean = append(on(ts).clean, r.Close)
	ts.Setenv(args[0], r.Inside().String())
}
