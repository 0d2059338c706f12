// SPDX-License-Identifier: Apache-2.0

//go:build unix

package walk

import "syscall"

// nonblock keeps the opening of a pipe from waiting for its writer. To a
// regular file it means nothing.
const nonblock = syscall.O_NONBLOCK
