// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package walk

// nonblock is nothing where pipes have no place in the file system.
const nonblock = 0
