// SPDX-License-Identifier: Apache-2.0

// Package content says what is moved: chunks, the manifests that list them, and
// the signatures that vouch for the manifests.
package content
