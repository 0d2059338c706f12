// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"strings"
	"sync/atomic"

	"github.com/pion/logging"
)

// counter is a logger that says nothing and counts the expiries of SCTP's retransmission timer T3, which pion/sctp tells
// nobody but its log.
type counter struct{ t3 atomic.Uint64 }

const t3Message = "[%s] T3-rtx timed out"

func (c *counter) NewLogger(string) logging.LeveledLogger { return c }

func (c *counter) Debugf(format string, _ ...any) {
	if strings.HasPrefix(format, t3Message) {
		c.t3.Add(1)
	}
}

func (c *counter) Trace(string)          {}
func (c *counter) Tracef(string, ...any) {}
func (c *counter) Debug(string)          {}
func (c *counter) Info(string)           {}
func (c *counter) Infof(string, ...any)  {}
func (c *counter) Warn(string)           {}
func (c *counter) Warnf(string, ...any)  {}
func (c *counter) Error(string)          {}
func (c *counter) Errorf(string, ...any) {}
