// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/content/walk"
	"github.com/ebbproject/ebb/demo"
	"github.com/ebbproject/ebb/fleet"
	fleetclient "github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/link/tun"
	"github.com/ebbproject/ebb/store"
)

// Exit codes; scripts rely on them.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4
	exitIntegrity   = 5
	exitDenied      = 6
	exitIncomplete  = 7
	exitPartly      = 8
	exitPaused      = 9
	exitConfig      = 78
)

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// configError is a configuration that cannot be used.
type configError struct{ text string }

func (e *configError) Error() string { return e.text }

// hintedError is an error of a room below, in the words of the command line and with what to type next.
type hintedError struct {
	text, hint string
	code       int
	err        error
}

func (e *hintedError) Error() string { return e.text }
func (e *hintedError) Unwrap() error { return e.err }

// codes of problems from the local API.
var problemCodes = map[string]int{
	api.CodeBadRequest: exitUsage, api.CodeNotFound: exitNotFound, api.CodeUnreachable: exitUnreachable,
	api.CodeIntegrity: exitIntegrity, api.CodeDenied: exitDenied, api.CodeIncomplete: exitIncomplete, api.CodePaused: exitPaused,
	api.CodeUnavailable: exitUnreachable, api.CodeConfirm: exitUsage, api.CodeLocked: exitPaused,
}

// sentinels and the exit code each becomes, with what to type next.
var sentinels = []struct {
	err  error
	code int
	hint string
}{
	{client.ErrUnreachable, exitUnreachable, "start it with: ebb agent --state DIR (or ebb hub --state DIR)"},
	{fleetclient.ErrUnreachable, exitUnreachable, "is the hub running, and is this its address?"},
	{fleetclient.ErrNotFound, exitNotFound, ""},
	{fleetclient.ErrForeign, exitIntegrity, "the token belongs to another fleet, or somebody is in between; ask for a new one: ebb token new"},
	{fleetclient.ErrTokenUsed, exitDenied, "a token works once; make another on the hub: ebb token new"},
	{fleetclient.ErrTokenExpired, exitDenied, "make another on the hub: ebb token new"},
	{fleetclient.ErrTokenUnknown, exitDenied, "make one on the hub: ebb token new"},
	{fleetclient.ErrDenied, exitDenied, ""},
	{fleetclient.ErrExpired, exitDenied, "compare the clocks of this host and the hub"},
	{node.ErrNotEnrolled, exitConfig, "join a fleet first: ebb enroll HUB --token T --state DIR"},
	{fleet.ErrLocation, exitUsage, ""},
	{demo.ErrOptions, exitUsage, "ebb demo --help"},
	{tun.ErrNotLinux, exitError, ""},
	{tun.ErrDenied, exitDenied, "run it as root: sudo ebb link ..."},
	{tun.ErrNoTUN, exitError, "load the driver: modprobe tun"},
	{tun.ErrNoNamespace, exitNotFound, "let it be created with --create, or: ip netns add NAME"},
	{tun.ErrExists, exitError, ""},
	{tun.ErrConfig, exitUsage, "ebb link --help"},
	{store.ErrNoSpace, exitError, "make room on the disk and try again"},
	{content.ErrSignature, exitIntegrity, ""},
	{content.ErrUnknownPublisher, exitIntegrity, ""},
	{content.ErrExpired, exitIntegrity, ""},
	{syscall.EADDRINUSE, exitError, "another program listens there; choose another port, or 0 for any"},
	{fs.ErrNotExist, exitNotFound, ""},
	{context.DeadlineExceeded, exitIncomplete, ""},
	{context.Canceled, exitIncomplete, ""},
}

func exitCode(err error) int {
	var usage *usageError
	var config *configError
	var problem *api.Problem
	var partly *partlyError
	var name *content.NameError
	var hinted *hintedError
	var changed *walk.ChangedError
	switch {
	case errors.As(err, &hinted):
		return hinted.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &config):
		return exitConfig
	case errors.As(err, &partly):
		return exitPartly
	case errors.As(err, &name):
		return exitUsage
	case errors.As(err, &changed):
		return exitIncomplete
	case errors.As(err, &problem):
		if code, ok := problemCodes[problem.Code]; ok {
			return code
		}
		return exitError
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.code
		}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return exitUnreachable
	}
	return exitError
}

// complain says what happened, to what, and what to type next.
func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "ebb: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(w, "try: %s\n", hint)
	}
}

func hintOf(err error) string {
	var hinted *hintedError
	if errors.As(err, &hinted) {
		return hinted.hint
	}
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Hint != "" {
		return problem.Hint
	}
	for _, s := range sentinels {
		if s.hint != "" && errors.Is(err, s.err) {
			return s.hint
		}
	}
	return ""
}

// partlyError says that some of what was asked for was done and some was not.
type partlyError struct{ text string }

func (e *partlyError) Error() string { return e.text }
