// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
)

// showLogin asks whoever followed a link to sign in. The link is used up by the button and not by looking, so that what looks at
// links ahead of people (chat, mail) does not use it up.
func showLogin(c *call) error {
	link := c.r.URL.Query().Get("link")
	if _, ok := decodeSecret(link); !ok {
		link = ""
	}
	v := &view{Title: "Sign in", Data: link}
	return c.s.pages.write(c, "login", v, http.StatusOK)
}

func login(c *call) error {
	if err := notUnderstood(c.r.ParseForm()); err != nil {
		return err
	}
	link, _ := decodeSecret(c.r.PostForm.Get("link")) // a secret that nobody has where it is not one
	session := newSecret()
	c.s.mu.Lock()
	p, err := c.s.gate.Opened(c.s.o.Clock(), link, session)
	c.s.mu.Unlock()
	if err != nil {
		c.s.note(c.r, gate.Pass{}, "sign in", "refused")
		return &api.Problem{Title: err.Error(), Status: http.StatusForbidden, Code: api.CodeDenied, Hint: "on the hub's machine: ebb console"}
	}
	c.s.setCookie(c.w, c.r, encode(session), int(gate.SessionFor.Seconds()))
	c.s.note(c.r, p, "sign in", "done")
	http.Redirect(c.w, c.r, "/", http.StatusSeeOther)
	return nil
}

func logout(c *call) error {
	if c.pass.Role > gate.Nobody {
		c.leave()
	}
	http.Redirect(c.w, c.r, "/login", http.StatusSeeOther)
	return nil
}
