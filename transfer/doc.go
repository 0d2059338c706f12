// SPDX-License-Identifier: Apache-2.0

// Package transfer is the conversation between two hosts: the messages and the machine that speaks them.
package transfer
