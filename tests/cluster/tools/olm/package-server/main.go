// OLM's package server without the question who asks: for that it wants the files of a pod's ServiceAccount at a fixed
// path, whatever its flags say. Everything else is the real one.
package main

import (
	"os"

	"github.com/operator-framework/operator-lifecycle-manager/pkg/lib/signals"
	"github.com/operator-framework/operator-lifecycle-manager/pkg/package-server/server"
)

func main() {
	options := server.NewPackageServerOptions(os.Stdout, os.Stderr)
	options.DisableAuthForTesting = true
	if err := server.NewCommandStartPackageServer(signals.Context(), options).Execute(); err != nil {
		os.Exit(1)
	}
}
