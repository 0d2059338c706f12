// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

// A host that fetches and has no neighbours would like to hear more often of others; a hub that has many such hosts says how often.
func TestTheHubSetsThePace(t *testing.T) {
	for _, c := range []struct{ pace, least, most int }{{0, 25, 40}, {2, 25, 40}, {5, 10, 16}, {10, 5, 8}, {3600, 5, 8}} {
		w := newWorld(t)
		w.pace = c.pace
		w.publish("f", 3)
		w.add("a", "agent", "berlin")
		w.kill("hub") // its data plane alone: nobody holds what is wanted
		id := w.get("a", "f")
		if !w.run(time.Minute, func() bool { return w.flow("a", id).State == api.StateFetching }) {
			t.Fatalf("the flow is %+v", w.flow("a", id))
		}
		before := w.news
		w.run(time.Minute, func() bool { return false })
		if n := w.news - before; n < c.least || n > c.most {
			t.Errorf("a pace of %d s: it told news %d times in a minute", c.pace, n)
		}
	}
}

// The longer the hub does not answer, the less often it is asked, and as before when it does.
func TestAHubThatDoesNotAnswerIsAskedLessOften(t *testing.T) {
	w := newWorld(t)
	w.add("a", "agent", "berlin")
	asked := func(d time.Duration) int {
		before := w.post.asked
		w.run(d, func() bool { return false })
		return w.post.asked - before
	}
	for _, x := range []struct {
		what        string
		down        bool
		least, most int
	}{{"it answers", false, 25, 37}, {"it does not", true, 9, 15}, {"it does again", false, 23, 37}} {
		w.hubDown = x.down
		if n := asked(5 * time.Minute); n < x.least || n > x.most {
			t.Errorf("%s: it was asked %d times in 5 minutes", x.what, n)
		}
	}
}
