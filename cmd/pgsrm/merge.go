package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/hf"
	"pgsrm/run"
	"pgsrm/safetensors"
)

// newMergeCommand merges an adapter into its base.
func newMergeCommand(g *globalOptions) *cobra.Command {
	var o mergeOptions
	cmd := &cobra.Command{
		Use:   "merge --adapter DIR --out DIR",
		Short: "Merge a LoRA adapter into its base model",
		Long: `The merge command adds a LoRA adapter to the weights of its base model and writes
the result as a Hugging Face folder that needs no PEFT: for vLLM, for llama.cpp's
converter, or as the child of a further training. The adapter is a PEFT folder, as
train --lora-rank, sft --lora-rank and PEFT write it. The base is the model that the
adapter names, or --child.

EXAMPLES
  pgsrm merge --adapter runs/adapter/child --out children/merged
  pgsrm merge --child ./gpt2 --adapter adapters/colors --out children/merged --dtype BF16
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runMerge(o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// mergeOptions are the flags of merge.
type mergeOptions struct {
	Child, Adapter, Out, DType string
}

// AddFlags adds the flags of merge.
func (o *mergeOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Child, "child", "", "base model: builtin:tiny, a GGUF file, a Hugging Face folder or hf:ORG/NAME (default: the one that the adapter names)")
	f.StringVar(&o.Adapter, "adapter", "", "PEFT adapter folder (required)")
	f.StringVar(&o.Out, "out", "", "folder for the merged model (required)")
	f.StringVar(&o.DType, "dtype", string(safetensors.F32), "number format of the saved weights: F32 or BF16")
}

// validate names the first flag that cannot be used.
func (o *mergeOptions) validate() error {
	if o.Adapter == "" {
		return inputErrorf("--adapter: must name a PEFT adapter folder")
	}
	return checkChildOut(o.Out, o.DType)
}

// mergeOutput is the output of merge --json.
type mergeOutput struct {
	Out     string   `json:"out"`
	Rank    int      `json:"rank"`
	Targets []string `json:"targets"`
}

// card is the model card of the merged model.
func (o *mergeOptions) card(l hf.LoRA, g *globalOptions) hf.Card {
	base := o.Child
	if base == "" {
		base = l.Base
	}
	if strings.Count(base, "/") == 1 && !filepath.IsAbs(base) && o.Child == "" && !strings.Contains(base, ":") {
		base = "hf:" + base // as PEFT names models of the hub
	}
	c := g.card(run.ShortName(base)+" with the adapter "+filepath.Base(o.Adapter), base)
	c.Made = [][]string{{"base", run.ShortName(base)}, {"adapter", filepath.Base(o.Adapter)}, {"rank", fmt.Sprint(l.Rank)}, {"targets", strings.Join(l.Targets, ", ")}}
	c.Origin = "The weights are those of the base with the adapter added."
	return c
}

func runMerge(o mergeOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	m, l, err := run.MergeChild(o.Child, o.Adapter)
	if err != nil {
		return inputError(err)
	}
	tellUnknown(m, g)
	m.Describe(o.card(l, g))
	if err := saveChild(m, o.Out, o.DType); err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(mergeOutput{o.Out, l.Rank, l.Targets})
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: adapter of rank %d merged\n", o.Out, l.Rank)
	return err
}
