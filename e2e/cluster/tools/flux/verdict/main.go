// What Flux makes of objects: of each by kstatus, which is also what `helm
// --wait` asks, and by the expressions of a `healthCheckExprs` entry.
//
// In: {"check": {...}, "objects": [...]}; out: [{"kstatus": ..., "flux": ...}],
// or the error in place of a status.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type question struct {
	Check   kustomize.CustomHealthCheck  `json:"check"`
	Objects []*unstructured.Unstructured `json:"objects"`
}

type verdict struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	evaluator, err := cel.NewStatusEvaluator(&asked.Check.HealthCheckExpressions)
	if err != nil {
		return err
	}
	verdicts := make([]verdict, 0, len(asked.Objects))
	for _, object := range asked.Objects {
		verdicts = append(verdicts, verdict{
			Kstatus: word(status.Compute(object)),
			Flux:    word(evaluator.Evaluate(context.Background(), object)),
		})
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

func word(result *status.Result, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return string(result.Status)
}
