package main

import (
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
)

// flagBounds are the bounds of the flags that are numbers, by name; a command
// whose flag has others stands before the name. Those that set a key of the
// configuration are texts here and have the bounds of the key.
var flagBounds = map[string]string{
	"threads": "[0, 1024]",
	"seed":    "[0, 18446744073709551615]",

	// compare, bench
	"seeds": "[1, 100000]", "parallel": "[0, 1024]", "repeat": "[1, 1000000]",

	// study
	"shards": "[0, 100000]", "cpus": "[0, 1024]", "memory": "[0, 1073741824]",

	// generate, eval, sft
	"max-new-tokens": "[0, 1048576]", "generate max-new-tokens": "[1, 1048576]", "chat max-new-tokens": "[1, 1048576]", "samples": "[1, 1048576]", "eval samples": "[0, 1048576]",
	"temperature": "[0, 100]", "top-k": "[0, 1048576]", "top-p": "[0, 1]", "min-p": "[0, 1]",
	"context": "[0, 1048576]", "stride": "[0, 1048576]",

	"search": "[0, 100000]", // probe

	// tasks of files
	"held-out": "[0, 1)", "split-seed": "[0, 9007199254740991]", "limit": "[0, 1000000000]",

	// pretrain, sft, embed distill
	"layers": "[1, 1024]", "width": "[1, 65536]", "heads": "[1, 1024]", "vocab": "[257, 1048576]", "positions": "[1, 1048576]",
	"steps": "[1, 1073741824]", "checkpoint-every": "[0, 1073741824]", "epochs": "[0, 1000000]", "batch": "[1, 65536]",
	"lr": "(0, 1000000]", "sft lr": "[0, 1000000]", "warmup": "[0, 1000000000]", "weight-decay": "[0, 1000]",
	"lora-rank": "[0, 4096]", "lora-alpha": "[0, 1000000]",
	"base-rate": "[-1, 1]", "right": "[0, 0.5]", "facts": "[0, 1]", "answer-temperature": "[0.000001, 1000000]",
	"dim": "[1, 65536]", "sif": "[0, 1000000]",
}

// boundsOf are the bounds of a flag of a command, "" without any.
func boundsOf(cmd *cobra.Command, f *pflag.Flag) string {
	if b, ok := flagBounds[cmd.Name()+" "+f.Name]; ok {
		return b
	}
	return flagBounds[f.Name]
}

// isNumber says whether the value of a flag is a number.
func isNumber(f *pflag.Flag) bool {
	switch f.Value.Type() {
	case "int", "int32", "int64", "uint", "uint32", "uint64", "float32", "float64", "count":
		return true
	}
	return false
}

// checkBounds reports the first flag of a command that is a number out of its
// bounds.
func checkBounds(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err != nil || !isNumber(f) || boundsOf(cmd, f) == "" {
			return
		}
		x, parsed := strconv.ParseFloat(f.Value.String(), 64)
		if i := config.ParseInterval(boundsOf(cmd, f)); parsed != nil || !i.Contains(x) {
			err = &config.Error{Flag: "--" + f.Name, Must: "must be " + i.String(), Value: f.Value.String()}
		}
	})
	return err
}
