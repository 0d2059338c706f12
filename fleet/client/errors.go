// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/ebbproject/ebb/fleet"
)

// What a caller may want to decide on. Errors returned wrap one of these where it applies, and ErrExpired together with
// ErrDenied when it is this host's certificate that the hub refuses.
var (
	ErrUnreachable  = errors.New("hub not reachable")
	ErrForeign      = errors.New("the hub is not of this fleet")
	ErrExpired      = errors.New("certificate has expired or is not valid yet")
	ErrNotFound     = errors.New("not found at the hub")
	ErrDenied       = errors.New("the hub refuses")
	ErrTokenUnknown = errors.New("the hub does not know this token")
	ErrTokenUsed    = errors.New("the token was used already")
	ErrTokenExpired = errors.New("the token has expired")
)

var byCode = map[string]error{
	fleet.CodeNotFound: ErrNotFound, fleet.CodeDenied: ErrDenied, fleet.CodeTokenUnknown: ErrTokenUnknown,
	fleet.CodeTokenUsed: ErrTokenUsed, fleet.CodeTokenExpired: ErrTokenExpired,
}

// maxProblem bounds what is read of a refusal, in bytes.
const maxProblem = 64 << 10

// refusal is what an answer other than 200 becomes.
func refusal(resp *http.Response) error {
	var p fleet.Problem
	if json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(&p) != nil || p.Title == "" {
		return fmt.Errorf("the hub answered %s", resp.Status)
	}
	if p.Code == fleet.CodeExpired {
		return fmt.Errorf("%w: %w: %s%s", ErrDenied, ErrExpired, p.Title, apart(resp))
	}
	if sentinel, ok := byCode[p.Code]; ok {
		return fmt.Errorf("%w: %s", sentinel, p.Title)
	}
	return fmt.Errorf("the hub answered: %s", p.Title)
}

// apart says by how much the clocks of this machine and the hub that answered differ, where that is more than is borne.
func apart(resp *http.Response) string {
	there, err := http.ParseTime(resp.Header.Get("Date"))
	ahead := time.Since(there)
	if err != nil || ahead.Abs() <= fleet.ClockBorne {
		return ""
	}
	return "; this machine's clock is " + fleet.Against(ahead)
}

// explain tells a hub that is not there from one that is another's.
func (a asker) explain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && fleet.Behind(invalid.Cert, time.Now()) > 0:
		now := time.Now()
		return fmt.Errorf("hub at %s: %w: this machine's clock is at least %s behind the hub's, for here it is %s and the hub's certificate is valid from %s; "+
			"clocks may differ by %s: set it", a.addr, ErrExpired, fleet.Span(fleet.Behind(invalid.Cert, now)), now.UTC().Format(time.RFC3339),
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), fleet.Span(fleet.ClockBorne))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("hub at %s: %w: %s; compare the clocks of both hosts", a.addr, ErrExpired, invalid.Detail)
	case errors.Is(err, errPinned), errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &hostname):
		return fmt.Errorf("%w: at %s: %w", ErrForeign, a.addr, err)
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, a.addr, err)
}
