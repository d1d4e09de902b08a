// The parts of Argo CD that synchronise: its application controller and its
// repo server, without the API server, the command line and the web pages,
// which are most of the full program. Beside them a cache that speaks Redis's
// protocol, which Argo CD's own tests use, and its Lua machine by itself.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
)

func main() {
	root := &cobra.Command{Use: "argocd", SilenceUsage: true}
	root.AddCommand(controller.NewCommand(), reposerver.NewCommand(), redisCommand(), luaCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
