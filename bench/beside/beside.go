// SPDX-License-Identifier: Apache-2.0

// Package beside is the processes that stand beside a hub while it is measured: crowds of guests, and the nodes of a NATS cluster.
//
// # Words
//
// A guest is a host as far as a hub sees it: enrolled, on the bus, with the core that ships and the control port's client, and no
// data plane. What it learns is kept in memory. Guests of one location that are in one crowd find each other up, and the hub, so that they
// behave as hosts do that are in conversation; none of them has anything that another wants. A Crowd is many guests in one process.
// An Event is what one of them tells. A Cluster is three NATS nodes, of which one can be killed, one frozen (SIGSTOP), and one cut off
// from the others: its routes go over relays that hold back what comes, as a network does that has fallen silent, and let it on later.
//
// The processes are the program that uses this package, called again: it hands what follows its first argument Word to Main.
//
// # What a guest proves
//
// A book of its own looks at every document that its core writes down: one that is no news there was taken twice, or goes back.
//
// # Not promised
//
// That a guest costs what a host costs: it has no store, and exchanges no chunks.
package beside

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Word is the first argument of the processes.
const Word = "beside"

// Main is such a process; it returns the exit code. args are what follows Word.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, orphaned := context.WithCancel(ctx)
	defer orphaned()
	go leaveWithParent(orphaned)
	err := fmt.Errorf("%s: %q is neither a crowd nor a node", Word, args)
	if len(args) == 2 && args[0] == "crowd" {
		err = crowd(ctx, args[1])
	}
	if len(args) == 2 && args[0] == "node" {
		err = node(ctx, args[1])
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// leaveWithParent ends this process when the one that started it is gone, however it went.
func leaveWithParent(leave func()) {
	parent := os.Getppid()
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	leave()
}

// ready says that the process has begun.
func ready(out io.Writer) error {
	_, err := fmt.Fprintln(out, "{}")
	return err
}
