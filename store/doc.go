// SPDX-License-Identifier: Apache-2.0

// Package store keeps chunks and small records at rest.
package store
