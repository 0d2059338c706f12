// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package export

import "os"

// syncDir makes the names in a folder durable.
func syncDir(dir *os.File) error { return dir.Sync() }
