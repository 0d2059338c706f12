// SPDX-License-Identifier: Apache-2.0

package planfile

import _ "embed" // the schema

// Schema is the JSON schema of a file, for editors.
//
//go:embed schema.json
var Schema []byte
