// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/console/gate"
)

func TestPoliciesAreSetShownAndRolledBack(t *testing.T) {
	w := newWorld(t, 0)
	admin, viewer := w.somebody(gate.Admin), w.somebody(gate.Viewer)
	first := w.posts(admin, `{"verb":"set","key":"limits.download","value":"20Mbit","selector":"location=berlin",`+nothing+`}`)
	second := w.posts(admin, `{"verb":"set","key":"window","value":"22:00-06:00","selector":"type=os-image","lock":true,"for":"2h",`+nothing+`}`)
	x := get[policies](w, viewer, "/api/v1/policies").Policies
	if len(x) != 2 || x[0].Key != "window" || !x[0].Locked || x[0].Until.IsZero() || x[1].Entry != first.ID || x[1].Scope != "location=berlin" {
		t.Errorf("%+v", x)
	}
	if x := get[policies](w, viewer, "/api/v1/policies?at=location%3Doslo").Policies; len(x) != 0 {
		t.Errorf("in oslo: %+v", x)
	}
	if x := get[policies](w, viewer, "/api/v1/policies?at=type%3Dx,location%3Dberlin&key=limits.download").Policies; len(x) != 1 {
		t.Errorf("in berlin: %+v", x)
	}
	w.refused(viewer, http.StatusBadRequest, "GET", "/api/v1/policies?at=berlin", "")
	if x := get[policyDiff](w, admin, "/api/v1/policies/diff?since="+first.ID).Changes; len(x) != 1 || x[0].Before != "inherit" || x[0].After != "22:00-06:00" {
		t.Errorf("%+v", x)
	}
	for _, page := range []string{"limits.download", "location=berlin", "22:00-06:00", "Inherit…", "Roll back…", second.ID} {
		if _, body := w.asks(admin, "GET", "/policies", ""); !strings.Contains(body, page) {
			t.Errorf("the page does not say %q", page)
		}
	}
	if _, body := w.asks(viewer, "GET", "/policies", ""); strings.Contains(body, "Inherit…") || !strings.Contains(body, "20Mbit") {
		t.Error("what a viewer sees")
	}
	back := w.posts(admin, `{"verb":"rollback","back":"`+first.ID+`",`+nothing+`}`)
	if x := get[policies](w, viewer, "/api/v1/policies").Policies; len(x) != 1 || back.Command.Back != first.ID {
		t.Errorf("%+v", x)
	}
	if x := get[entries](w, admin, "/api/v1/policies/history?key=window").Entries; len(x) != 2 || x[0].ID != back.ID || x[1].ID != second.ID {
		t.Errorf("%+v", x)
	}
}

func TestPoliciesAreRefusedInWords(t *testing.T) {
	w := newWorld(t, 0)
	admin, operator := w.somebody(gate.Admin), w.somebody(gate.Operator)
	w.posts(admin, `{"verb":"set","key":"limits.download","value":"20Mbit","selector":"all","lock":true,`+nothing+`}`)
	e := w.posts(admin, `{"verb":"set","key":"cache.pin","value":"on","selector":"type=app",`+nothing+`}`)
	for order, status := range map[string]int{
		`{"verb":"set","key":"limits.sky","value":"1Mbit","selector":"all"}`:                      http.StatusBadRequest,
		`{"verb":"set","key":"limits.download","value":"fast","selector":"all"}`:                  http.StatusBadRequest,
		`{"verb":"set","key":"limits.download","value":"1Mbit","selector":"type=app"}`:            http.StatusBadRequest,
		`{"verb":"set","key":"limits.download","value":"1Mbit","selector":"location=berlin"}`:     http.StatusConflict,
		`{"verb":"set","key":"limits.download","selector":"all"}`:                                 http.StatusBadRequest,
		`{"verb":"pause","key":"limits.download","selector":"all"}`:                               http.StatusBadRequest,
		`{"verb":"rollback","back":"a1"}`:                                                         http.StatusNotFound,
		`{"verb":"rollback"}`:                                                                     http.StatusBadRequest,
		`{"verb":"rollback","back":"` + e.ID + `","selector":"all"}`:                              http.StatusBadRequest,
		`{"verb":"set","key":"window","value":"inherit","selector":"all","lock":true,"for":"1h"}`: http.StatusBadRequest,
	} {
		w.refused(admin, status, "POST", "/api/v1/steer", order)
	}
	for _, order := range []string{`{"verb":"set","key":"window","value":"always","selector":"all"}`, `{"verb":"rollback","back":"` + e.ID + `"}`,
		`{"verb":"undo","undo":"` + e.ID + `"}`} {
		w.refused(operator, http.StatusForbidden, "POST", "/api/v1/steer", order)
	}
}

func TestHostsAreFoundByName(t *testing.T) {
	w := newWorld(t, 0)
	c := w.somebody(gate.Viewer)
	if x := get[foundHosts](w, c, "/api/v1/peers?q=00000000000000"); x.Total != 3 || x.Peers[0].Peer != peerA || x.Peers[0].Location != "berlin" || x.Peers[0].Silent {
		t.Errorf("%+v", x)
	}
	if x := get[foundHosts](w, c, "/api/v1/peers?q=ff"); x.Total != 0 || x.Peers == nil {
		t.Errorf("%+v", x)
	}
	w.refused(c, http.StatusBadRequest, "GET", "/api/v1/peers?q=berlin", "")
	if resp, _ := w.asks(c, "GET", "/peers?q="+strings.ToUpper(peerB), ""); resp.Header.Get("Location") != "/peers/"+peerB {
		t.Errorf("one that is found is shown: %s", resp.Status)
	}
	if _, body := w.asks(c, "GET", "/peers", ""); !strings.Contains(body, peerA) || !strings.Contains(body, "3 found") {
		t.Error("the page lists them")
	}
}

// Who signed in is remembered when the console comes back.
func TestWhoSignedInIsRemembered(t *testing.T) {
	w := newWorld(t, 0)
	w.somebody(gate.Viewer)
	again, err := remembered(w)
	if err != nil || len(again) != 1 || again[0].Action != "sign in" || again[0].Name != "ada" || again[0].Result != "done" {
		t.Errorf("%+v, %v", again, err)
	}
}
