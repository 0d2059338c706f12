// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
)

// How many browsers may listen to events: altogether, and of one session.
const (
	maxListeners  = 128
	maxOfASession = 12
)

// getEvents tells a browser every two seconds how the fleet stands, as server-sent events, until its session ends:
//
//	event: overview   the document of /api/v1/overview
//	event: end        {"reason": "..."}; nothing follows, and asking again is of no use
func getEvents(c *call) error {
	if err := c.s.listens(c.session); err != nil {
		return err
	}
	defer c.s.listened(c.session)
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies
	out := http.NewResponseController(c.w)
	say := func(event string, v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := out.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.w, "event: %s\ndata: %s\n\n", event, b); err != nil {
			return err
		}
		return out.Flush()
	}
	type end struct {
		Reason string `json:"reason"`
	}
	tick := time.NewTicker(c.s.o.Tick)
	defer tick.Stop()
	for {
		if _, p := c.s.who(c.r); p.Role == gate.Nobody {
			_ = say("end", end{"this session has ended"}) // the browser may have gone
			return nil
		}
		if err := say("overview", c.s.o.Fleet.Census().Overview); err != nil {
			return nil // the browser has gone
		}
		select {
		case <-tick.C:
		case <-c.r.Context().Done():
			return nil
		case <-c.s.closed.Done():
			return nil
		}
	}
}

// listens counts a listener in, if there is room.
func (s *Server) listens(session gate.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, n := range s.heard {
		all += n
	}
	if all >= maxListeners || s.heard[session] >= maxOfASession {
		return &api.Problem{Title: "too many pages are open", Status: http.StatusTooManyRequests, Code: api.CodeUnavailable, Hint: "close some"}
	}
	s.heard[session]++
	return nil
}

func (s *Server) listened(session gate.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard[session]--; s.heard[session] == 0 {
		delete(s.heard, session)
	}
}
