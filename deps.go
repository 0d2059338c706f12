//go:build deps

// SPDX-License-Identifier: Apache-2.0

package ebb
import (
_ "github.com/pion/sctp"
_ "github.com/pion/dtls/v3"
_ "github.com/pion/logging"
_ "github.com/pion/transport/v5"
_ "golang.org/x/time/rate"
_ "golang.org/x/sys/cpu"
_ "golang.org/x/net/ipv4"
_ "golang.org/x/term"
_ "github.com/cockroachdb/pebble/v2"
_ "github.com/spf13/cobra"
_ "github.com/knadh/koanf/v2"
_ "go.yaml.in/yaml/v3"
_ "github.com/PlakarKorp/go-cdc-chunkers"
_ "github.com/PlakarKorp/go-cdc-chunkers/chunkers/fastcdc"
_ "github.com/cockroachdb/pebble/v2/vfs/errorfs"
_ "github.com/knadh/koanf/providers/posflag"
_ "github.com/knadh/koanf/providers/env/v2"
_ "github.com/knadh/koanf/providers/rawbytes"
_ "github.com/schollz/progressbar/v3"
_ "pgregory.net/rapid"
_ "go.uber.org/goleak"
_ "github.com/rogpeppe/go-internal/testscript"
_ "golang.org/x/tools/go/packages"
)
