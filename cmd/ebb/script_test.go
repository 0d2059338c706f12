// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ebbproject/ebb/link/tun"
)

// The binary under test is the test binary itself: started under the name ebb it is ebb.
func TestMain(m *testing.M) {
	// Scripts wait for daemons most of the time, so more of them fit on a machine than it has cores.
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, 2*runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"ebb": main})
}

// TestScripts runs testdata/script. Besides what testscript knows, scripts use the commands below; each is explained
// where it is implemented. Daemons are ended with the script that started them, whatever happens.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			s := &stage{t: e.T().(testing.TB), daemons: map[string]*daemonProcess{}, logs: map[string]bool{}}
			e.Values[stageKey{}] = s
			e.Setenv("EBB_SERVE_ALWAYS", "true") // however busy the machine is on which the tests run
			// How full the disk of this machine is must not decide what a test finds.
			e.Setenv("EBB_CACHE_MAX_SIZE", "none")
			e.Setenv("EBB_CACHE_MIN_FREE", "off")
			// Nobody on this machine's network is to be asked.
			e.Setenv("EBB_DISCOVERY_MULTICAST", "off")
			// Many hubs run here at once, and those that come back on a port of their choice would all have their bus on one.
			e.Setenv("EBB_BUS", "127.0.0.1:0")
			examples, err := filepath.Abs("../../examples")
			e.Setenv("EXAMPLES", examples)
			e.Defer(s.close)
			return err
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "namespaces": // network namespaces can be entered, and there is TUN
				_, err := os.Stat("/dev/net/tun")
				return err == nil && tun.In("/proc/self/ns/net", func() error { return nil }) == nil, nil
			case "loopbacks": // 127.0.10.1 and the like are addresses of this machine
				return runtime.GOOS != "darwin", nil
			case "ipv6":
				l, err := net.Listen("tcp", "[::1]:0")
				if err == nil {
					err = l.Close()
				}
				return err == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon": start, "end": end, "strike": strike, "fleet": startFleet, "wan": startWAN,
			"exits": exits, "until": until, "pass": pass, "soon": soon, "shut": shut, "keep": keep, "agree": agree, "json": checkJSON,
			"random": random, "same": same, "damage": damage, "tmpfs": mountTmpfs, "fill": fill, "mkfifo": makeFifo, "humble": humble,
			"expire": expire, "redirect": redirect, "signed": signed, "forge": forge, "plant": plant, "post": post, "meddle": meddle, "probe": probe,
		},
	})
}

type stageKey struct{}

// stage is what a script has set up and what must be gone after it.
type stage struct {
	t       testing.TB
	daemons map[string]*daemonProcess // that run now
	logs    map[string]bool           // of all that ever ran
	clean   []func() error            // in reverse order, after the daemons
}

func on(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func (s *stage) close() {
	for name, d := range s.daemons {
		if err := d.interrupt(); err != nil {
			s.t.Errorf("%s: %v", name, err)
		}
	}
	for path := range s.logs {
		text, err := os.ReadFile(path)
		if err != nil || bytes.Contains(text, []byte("DATA RACE")) || bytes.Contains(text, []byte("\npanic: ")) {
			s.t.Errorf("%s: %v\n%s", path, err, text)
		} else if s.t.Failed() {
			s.t.Logf("%s:\n%s", path, lastLines(string(text)))
		}
	}
	for i := len(s.clean) - 1; i >= 0; i-- {
		if err := s.clean[i](); err != nil {
			s.t.Error(err)
		}
	}
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// exits CODE COMMAND... runs a command that must end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitStatus(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitStatus(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit != nil {
		return exit.ExitCode()
	}
	return 0
}

// patience bounds every wait of a script; it is generous because only a failing test ever waits for so long.
const patience = 3 * time.Minute

// until PATTERN COMMAND... repeats a command until it succeeds and its stdout matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var out []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		cmd := command(ts, args[1:]...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err = cmd.Output()
		if err == nil && pattern.Match(out) {
			_, _ = ts.Stdout().Write(out)
			return
		}
		out = append(out, errs.Bytes()...)
	}
	ts.Fatalf("%q was not seen in %s; at last: %v\n%s", args[0], patience, err, out)
}

// soon NAME DURATION sets NAME to the time that is so far away.
func soon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: soon NAME DURATION")
	}
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(d).UTC().Format(time.RFC3339))
}

// shut NAME sets NAME to a window of local time that is closed now and for hours.
func shut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shut NAME")
	}
	far := (time.Now().Hour() + 12) % 24
	ts.Setenv(args[0], fmt.Sprintf("%02d:10-%02d:40", far, far))
}

// pass TIME waits until that time is past.
func pass(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pass TIME")
	}
	t, err := time.Parse(time.RFC3339, args[0])
	ts.Check(err)
	time.Sleep(time.Until(t))
}

// keep NAME [PATTERN [FILE]] sets NAME to what the last command wrote to stdout (or what is in FILE), or to the first
// group of the pattern in it.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: keep NAME [PATTERN [FILE]]")
	}
	file := "stdout"
	if len(args) == 3 {
		file = args[2]
	}
	text := strings.TrimSpace(ts.ReadFile(file))
	if len(args) > 1 {
		pattern, err := regexp.Compile(args[1])
		ts.Check(err)
		found := pattern.FindStringSubmatch(text)
		if len(found) < 2 {
			ts.Fatalf("%s does not match", file)
		}
		text = found[1]
	}
	ts.Setenv(args[0], text)
}

// agree NAME PATTERN STATE... waits until the first group of the pattern is the same in the status of all, and sets NAME to it.
func agree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: agree NAME PATTERN STATE...")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	var said []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		said = nil
		for _, state := range args[2:] {
			out, err := command(ts, "ebb", "status", "--json", "--state", state).Output()
			if found := pattern.FindSubmatch(out); err == nil && len(found) > 1 {
				said = append(said, string(found[1]))
			}
		}
		if len(said) == len(args)-2 && len(slices.Compact(slices.Clone(said))) == 1 {
			ts.Setenv(args[0], said[0])
			return
		}
	}
	ts.Fatalf("they did not agree in %s: %q", patience, said)
}

// command prepares a command that runs where the script is, with what the environment of the script says to ebb.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path := args[0]
	if path == "ebb" {
		path = ebb(ts)
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "EBB_STATE", "EBB_LISTEN", "EBB_LOG_LEVEL", "EBB_WAN_CONTROLLER",
		"EBB_CACHE_MAX_SIZE", "EBB_CACHE_MIN_FREE", "EBB_CACHE_MAX_AGE", "EBB_SERVE_ALWAYS", "EBB_DISCOVERY_MULTICAST", "EBB_BUS"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	return cmd
}

// ebb is the binary under test.
func ebb(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, "ebb"+ts.Getenv("exe")); isFile(path) {
			return path
		}
	}
	ts.Fatalf("ebb is not in $PATH")
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
