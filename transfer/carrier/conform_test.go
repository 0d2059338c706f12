// SPDX-License-Identifier: Apache-2.0

package carrier_test

import (
	"testing"

	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/carriertest"
)

func TestConformance(t *testing.T) {
	carriertest.Conformance(t, func(t *testing.T) (a, b carriertest.Conn) { return carrier.Joined(t) })
}
