// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellManager tells systemd how this service stands, if that started it (sd_notify(3)).
func tellManager(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("the service manager cannot be told", "state", state, "err", err)
	}
}

// managed tells systemd that the service is ready, and as often as it wants to hear it that alive returns true. What it returns says that
// the service stops.
func managed(ctx context.Context, log *slog.Logger, alive func() bool) (stopping func()) {
	tellManager(log, daemon.SdNotifyReady)
	stopping = func() { tellManager(log, daemon.SdNotifyStopping) }
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return stopping
	}
	go func() {
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for {
			if alive() { // one that hangs says nothing, which is the point
				tellManager(log, daemon.SdNotifyWatchdog)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return stopping
}
