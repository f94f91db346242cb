package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pgsrm/gguf"
	"pgsrm/hf"
	"pgsrm/run"
)

// newConvertCommand converts between folders and GGUF files.
func newConvertCommand(g *globalOptions) *cobra.Command {
	var o convertOptions
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Convert a child between a Hugging Face folder and a GGUF file",
		Long: `The convert command writes the child IN, with its tokenizer, as a GGUF file where OUT
ends in .gguf, for llama.cpp, Ollama and the like, else as a Hugging Face folder for
transformers, vLLM and further training. IN is anything that --child takes; an adapter
must be merged first (pgsrm merge). OUT must be new; it appears whole or not at all.

Without --type and --dtype no number is rounded: weights keep the type that holds them
exactly, quantised ones become float32. F32, F16 and BF16 matrices are as good as their
rounding; q8_0 takes about a byte for a weight. Vectors, such as norms, stay F32 in a
GGUF file. Families: llama, mistral (as llama), qwen2, qwen3 and gpt2.

EXAMPLES
  pgsrm convert SmolLM2-135M-Instruct.Q4_1.gguf children/smollm2
  pgsrm convert runs/colors colors.gguf --type q8_0
  pgsrm convert children/smollm2 children/smollm2-bf16 --dtype BF16
` + exitStatusHelp,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.In, o.Out = args[0], args[1]
			return runConvert(cmd.Context(), o, g)
		},
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// convertOptions are the arguments and flags of convert.
type convertOptions struct {
	In, Out, Type, DType string
}

// AddFlags adds the flags of convert.
func (o *convertOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Type, "type", exactType, "type of the matrices of a GGUF file: "+exactType+" (as they are), f32, f16, bf16 or q8_0")
	f.StringVar(&o.DType, "dtype", exactType, "number format of the weights of a folder: "+exactType+" (as they are), F32 or BF16, also spelled float32 and bfloat16")
}

// exactType is the type that rounds nothing.
const exactType = "exact"

// ggufTypes are the values of --type.
var ggufTypes = map[string]gguf.Type{"f32": gguf.F32, "f16": gguf.F16, "bf16": gguf.BF16, "q8_0": gguf.Q8_0}

// validate names the first argument that cannot be used.
func (o *convertOptions) validate() error {
	toGGUF := hf.HasGGUFName(o.Out)
	switch _, known := ggufTypes[o.Type]; {
	case o.Out == "":
		return inputErrorf("OUT: must name a folder, or a file that ends in .gguf")
	case !known && o.Type != exactType:
		return inputErrorf("--type: must be %s, %s (got %q)", exactType, strings.Join(slices.Sorted(maps.Keys(ggufTypes)), ", "), o.Type)
	case o.Type != exactType && !toGGUF:
		return inputErrorf("--type: must be used with an OUT that ends in .gguf (got %q); a folder has --dtype", o.Out)
	case o.DType != exactType && toGGUF:
		return inputErrorf("--dtype: must be used with an OUT that is a folder (got %q); a GGUF file has --type", o.Out)
	}
	if o.DType != exactType {
		if err := checkDType(o.DType); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		return inputErrorf("OUT: must be new (%s exists)", o.Out)
	}
	if err := writable(existing(filepath.Dir(o.Out))); err != nil {
		return inputErrorf("OUT: must be writable: %w", err)
	}
	return nil
}

// convertOutput is the output of convert --json.
type convertOutput struct {
	Out     string `json:"out"`
	Family  string `json:"family"`
	Weights int    `json:"weights"`
}

func runConvert(ctx context.Context, o convertOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	g.Log.Info("reading", "child", o.In)
	m, err := run.OpenChild(o.In)
	if err != nil {
		return err
	}
	if _, adapted := m.LoRA(); adapted {
		return inputErrorf("IN: must be a model (%s is an adapter: merge it first with pgsrm merge)", o.In)
	}
	tellUnknown(m, g)
	if _, remembers := m.Memory(); remembers && hf.HasGGUFName(o.Out) {
		g.Log.Warn("a GGUF file has no place for pgsrm.json: what the child remembers of its prompts and answers is left out")
	}
	if err := o.write(ctx, m, g); err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(convertOutput{o.Out, m.Config.Family, m.NumParams()})
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: %d weights\n", o.Out, m.NumParams())
	return err
}

// write saves the child, with a bar on a terminal.
func (o *convertOptions) write(ctx context.Context, m *hf.Model, g *globalOptions) error {
	if err := os.MkdirAll(filepath.Dir(o.Out), 0o777); err != nil {
		return err
	}
	g.Log.Info("writing", "out", o.Out, "weights", m.NumParams())
	m.Progress = func(int, int) error { return ctx.Err() }
	if showsColors(g.Stderr) {
		bars := mpb.NewWithContext(ctx, mpb.WithOutput(g.Stderr), mpb.WithWidth(60))
		defer bars.Shutdown()
		bar := bars.AddBar(0, mpb.AppendDecorators(decor.Percentage()))
		m.Progress = func(done, total int) error {
			bar.SetTotal(int64(total), false)
			bar.SetCurrent(int64(done))
			return ctx.Err()
		}
	}
	switch typ, rounded := ggufTypes[o.Type]; {
	case rounded:
		return m.SaveGGUFAs(o.Out, typ)
	case hf.HasGGUFName(o.Out):
		return m.SaveGGUF(o.Out)
	case o.DType != exactType:
		return m.SaveAs(o.Out, dtypes[o.DType])
	}
	return m.Save(o.Out)
}
