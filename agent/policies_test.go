// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/scheduler"
)

func (o *operator) rules(name, key, value string, scope desired.Selector) {
	o.t.Helper()
	o.tell(name, desired.Command{Verb: desired.DoSet, Key: key, Value: value, Selector: scope})
}

// Hours of business hold for who was asked without hours of its own, also after a kill; a lock holds for all.
func TestWindowByPolicy(t *testing.T) {
	o := newOperator(t) // it is midnight
	o.publish("image", 40)
	o.add("a", fleet.RoleAgent, "berlin")
	o.rules("a", "window", "02:00-03:00", desired.Selector{Location: "berlin"})
	id := o.stay("a", "image")
	o.pass(time.Hour)
	if f := o.flow("a", id); f.Have != 0 || f.Reason != scheduler.OutsideWindow.String() || f.Window != "02:00-03:00" || !f.Opens.Equal(epoch.Add(2*time.Hour)) {
		t.Errorf("before: %+v", f)
	}
	o.kill("a")
	o.boot("a")
	o.pass(50 * time.Minute)
	if f := o.flow("a", id); f.Have != 0 || f.Reason != scheduler.OutsideWindow.String() {
		t.Errorf("after a kill: %+v", f)
	}
	o.mustFinish(15*time.Minute, map[string]string{"a": id})

	o.publish("other", 40) // it is after two, and within the policy
	own := o.stage("a", "other", "05:00-06:00", time.Time{})
	o.pass(10 * time.Minute)
	if f := o.flow("a", own); f.Have != 0 || f.Window != "05:00-06:00" {
		t.Errorf("with hours of its own: %+v", f)
	}
	o.tell("a", desired.Command{Verb: desired.DoSet, Key: "window", Value: "always", Locked: true, Selector: desired.Selector{Content: "other"}})
	o.mustFinish(time.Minute, map[string]string{"a": own})
}

// What the cache keeps follows the policies: a type ages in an hour, a content of it is pinned, and the quota shrinks and grows.
func TestCacheByPolicy(t *testing.T) {
	o := newOperator(t)
	image := o.publish("image", 10)
	o.publish("other", 10)
	o.add("a", fleet.RoleAgent, "berlin")
	o.add("b", fleet.RoleAgent, "berlin")
	o.bounded("a", 100*image.Size(), cache.Limits{Replicas: 1})
	o.bounded("b", 100*image.Size(), cache.Limits{Replicas: 1})
	for _, host := range []string{"b", "a"} {
		o.mustFinish(time.Minute, map[string]string{host: o.stay(host, "image")})
		o.mustFinish(time.Minute, map[string]string{host: o.stay(host, "other")})
	}
	o.pass(3 * time.Hour)
	if o.have("a", "image") != 10 || o.have("a", "other") != 10 {
		t.Fatal("nothing was said of an age")
	}
	a := "a"
	id, _ := o.hosts[a].core.names.Newest("image")
	if c := o.hosts[a].core; c.last(c.holdings[id]) {
		a = "b" // the location's last copy does not age
	}
	o.rules(a, "cache.max_age", "1h", desired.Selector{Type: image.Type})
	o.rules(a, "cache.pin", "on", desired.Selector{Content: "other"})
	o.pass(10 * time.Minute)
	if o.have(a, "image") != 0 || o.have(a, "other") != 10 {
		t.Errorf("%d and %d chunks after the age", o.have(a, "image"), o.have(a, "other"))
	}
	o.kill(a)
	o.boot(a)
	o.rules(a, "cache.max_size", "1kB", desired.Selector{})
	o.pass(10 * time.Minute)
	if o.have(a, "other") != 10 {
		t.Error("a pinned content went")
	}
	o.rules(a, "cache.pin", "off", desired.Selector{Content: "other"})
	o.pass(10 * time.Minute)
	if o.have(a, "other") != 0 {
		t.Error("it stays although nobody pins it")
	}
	if got := o.hosts[a].core.Policy(o.now); got[6] != (api.Setting{Key: "cache.max_size", Value: "1kB", From: "policy", Entry: got[6].Entry, Scope: "all"}) {
		t.Errorf("%+v", got[6])
	}
}

// A hub has the contents for all, and obeys nothing that is said to endpoints.
func TestAHubObeysNoPolicy(t *testing.T) {
	o := newOperator(t)
	o.rules("hub", "limits.upload", "64kbit", desired.Selector{})
	if s := o.hosts["hub"].core.Settings(); s.Rates.Upload != 0 {
		t.Errorf("%+v", s)
	}
}
