package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/argoproj/argo-cd/v3/util/lua"
)

// task is one run of a script with an object.
type task struct {
	// Kind is health, discovery or action.
	Kind   string                     `json:"kind"`
	Script string                     `json:"script"`
	Object *unstructured.Unstructured `json:"object"`
}

// luaCommand runs scripts as those of argocd-cm are run: a JSON list of tasks
// in, a JSON list of results out.
func luaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "lua",
		RunE: func(command *cobra.Command, _ []string) error {
			text, err := io.ReadAll(command.InOrStdin())
			if err != nil {
				return err
			}
			var tasks []task
			if err := json.Unmarshal(text, &tasks); err != nil {
				return err
			}
			results := make([]any, 0, len(tasks))
			for _, each := range tasks {
				result, err := each.run()
				if err != nil {
					result = map[string]string{"error": err.Error()}
				}
				results = append(results, result)
			}
			return json.NewEncoder(command.OutOrStdout()).Encode(results)
		},
	}
}

func (t task) run() (any, error) {
	vm := lua.VM{}
	switch t.Kind {
	case "health":
		return vm.ExecuteHealthLua(t.Object, t.Script)
	case "discovery":
		return vm.ExecuteResourceActionDiscovery(t.Object, []string{t.Script})
	default:
		changed, err := vm.ExecuteResourceAction(t.Object, t.Script, nil)
		if err != nil {
			return nil, err
		}
		return changed[0].UnstructuredObj, nil
	}
}
