// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/fleet/bus"
)

// doorWait is how long an asker waits until the hub has time for its handshake: less than the 5 s that hosts wait for the end of it.
const doorWait = 2 * time.Second

// errBusy goes to who would wait too long. It comes again, as if the hub were not there.
var errBusy = errors.New("more hosts come at once than this hub has time for")

// door lets the costly part of so many handshakes be done at a time as there are processors. When all hosts come back at once, all handshakes
// beside each other take longer than hosts wait, and the hub works for those that have gone already: none gets in. Whoever waits for his
// turn costs little, and is sent away while those behind him would still be in time.
type door struct {
	turns chan struct{} // one in it for each who reckons
	wait  time.Duration
}

func newDoor() *door { return &door{turns: make(chan struct{}, runtime.GOMAXPROCS(0)), wait: doorWait} }

// guard is base behind the door. A turn begins when the asker has said hello, so that nobody holds one by keeping silent, and ends when a
// certificate is chosen, after the key exchange, or when the handshake has failed before.
func (d *door) guard(base *tls.Config) *tls.Config {
	guarded := base.Clone()
	guarded.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if err := d.enter(hello.Context()); err != nil {
			return nil, err
		}
		leave := sync.OnceFunc(func() { <-d.turns })
		context.AfterFunc(hello.Context(), leave)
		mine := base.Clone()
		mine.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			leave()
			return base.GetCertificate(hello)
		}
		return mine, nil
	}
	return guarded
}

// Bounds of the connections to the control port that are kept between questions.
const (
	mostKept   = 4096  // where nobody says how many files may be open
	mostEver   = 32768 // however many may be: each takes some 50 KB
	ownFiles   = 1024  // that are left for the store, listeners and the console, or a quarter of few
	partOfKept = 4     // one part of the rest is kept, two are for the bus and one for those who are on their way in
)

// kept is how many connections to the control port are kept between questions by a process that may have so many files open; 0: it is not
// known. The bus has a connection for each host all the time, and without descriptors the store cannot write either; who has to come anew for
// his next question loses a handshake.
func kept(files uint64) int64 {
	if files == 0 {
		return mostKept
	}
	return int64(min((files-min(ownFiles, files/4))/partOfKept, mostEver))
}

// keeper counts connections to the control port, and closes after the answer where there are more than most.
type keeper struct {
	most    int64
	open    atomic.Int64
	crowded func() // there are more, for the first time
}

func newKeeper(files uint64, log *slog.Logger) *keeper {
	k := &keeper{most: kept(files)}
	k.crowded = sync.OnceFunc(func() {
		log.Warn("more hosts than connections to the control port that are kept between questions: further ones are closed after the answer, and each "+
			"question takes a handshake; let this process open more files (LimitNOFILE, ulimit -n)", "kept", k.most, "open_files", files)
	})
	return k
}

func (k *keeper) changed(_ net.Conn, to http.ConnState) {
	switch to {
	case http.StateNew:
		k.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		k.open.Add(-1)
	}
}

func (k *keeper) keep(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// That of the bus is left to it. Who hands on letters speaks for a whole location every few seconds, whose hosts wait 2 s for the answer and
		// otherwise come themselves: there is no time for a handshake.
		if k.open.Load() > k.most && r.URL.Path != bus.Path && r.URL.Path != pathLetters {
			k.crowded()
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// enter waits for a turn. errBusy.
func (d *door) enter(ctx context.Context) error {
	select {
	case d.turns <- struct{}{}:
		return nil
	default:
	}
	long := time.NewTimer(d.wait)
	defer long.Stop()
	select {
	case d.turns <- struct{}{}:
		return nil
	case <-long.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}
