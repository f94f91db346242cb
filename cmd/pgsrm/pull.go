package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pgsrm/hub"
	"pgsrm/internal/printable"
)

// pullOptions are the flags of pull.
type pullOptions struct {
	Revision string
	Include  string
}

// AddFlags adds the flags.
func (o *pullOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Revision, "revision", "main", "branch, tag or commit")
	f.StringVar(&o.Include, "include", "", "fetch the files of a data set alone that match this pattern, such as 'main/*.parquet' (default: all files of rows)")
}

// newPullCommand fetches a model from a hub.
func newPullCommand(g *globalOptions) *cobra.Command {
	var o pullOptions
	cmd := &cobra.Command{
		Use:   "pull [datasets/]ORG/NAME",
		Short: "Fetch a model or a data set from a hub into the local cache",
		Long: `The pull command fetches the files of a model that pgsrm reads (configuration,
safetensors, tokenizer, chat template, pooling, adapter) into the cache that
Hugging Face's programs share, where --child hf:ORG/NAME finds them; of
datasets/ORG/NAME the files of rows (Parquet, JSON, JSONL, CSV, TSV), which
--task hf:datasets/ORG/NAME reads. What is there already is not fetched again; a download that broke off resumes where it
was; every file is checked against the hub's checksum.

Environment: HF_ENDPOINT (another hub or a mirror), HF_TOKEN (for private and
gated models; sent to that hub only), HF_HOME or HF_HUB_CACHE (the cache),
HTTPS_PROXY.

EXAMPLES
  pgsrm pull HuggingFaceTB/SmolLM2-135M
  pgsrm pull openai-community/gpt2 --revision main
  pgsrm pull datasets/openai/gsm8k --include 'main/*'
  HF_ENDPOINT=https://hub.example.org pgsrm pull team/child --json
` + exitStatusHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return inputErrorf("pull: must be given one model or data set, [datasets/]ORG/NAME (got %d)", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runPull(cmd.Context(), args[0], o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

func runPull(ctx context.Context, name string, o pullOptions, g *globalOptions) error {
	view := newPullView(ctx, g)
	res, err := hub.Pull(ctx, name, o.Revision, hub.Deps{Include: o.Include, Watch: view.show})
	view.close()
	if errors.Is(err, hub.ErrInput) {
		return inputError(err)
	}
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(res)
	}
	_, err = fmt.Fprintf(g.Stdout, "%s\n", res.Path)
	return err
}

// pullView shows the progress of a pull: a bar for each file on a terminal,
// lines elsewhere.
type pullView struct {
	g    *globalOptions
	bars *mpb.Progress // nil = lines
	bar  map[string]*mpb.Bar
	here map[string]bool // files that have been announced
}

func newPullView(ctx context.Context, g *globalOptions) *pullView {
	v := &pullView{g: g, bar: map[string]*mpb.Bar{}, here: map[string]bool{}}
	if showsColors(g.Stderr) {
		v.bars = mpb.NewWithContext(ctx, mpb.WithOutput(g.Stderr), mpb.WithWidth(100), mpb.WithRefreshRate(200*time.Millisecond), mpb.WithAutoRefresh())
	}
	return v
}

// show is the hub's watcher.
func (v *pullView) show(e hub.Event) {
	if v.bars != nil {
		v.showBar(e)
		return
	}
	first := !v.here[e.File]
	v.here[e.File] = true
	switch {
	case e.Done && first:
		v.g.Log.Info("in the cache", "file", e.File, "MB", megabytes(e.Size))
	case e.Done:
		v.g.Log.Info("fetched", "file", e.File, "MB", megabytes(e.Size))
	case first && e.Have > 0:
		v.g.Log.Info("resuming", "file", e.File, "MB", megabytes(e.Size), "there", megabytes(e.Have))
	case first:
		v.g.Log.Info("fetching", "file", e.File, "MB", megabytes(e.Size))
	}
}

func (v *pullView) showBar(e hub.Event) {
	bar := v.bar[e.File]
	if bar == nil {
		bar = v.bars.AddBar(e.Size, mpb.BarWidth(24),
			mpb.PrependDecorators(decor.Name(printable.Text(e.File), decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.CountersKibiByte(" % .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), " % .1f")))
		v.bar[e.File] = bar
	}
	bar.SetCurrent(e.Have)
	if e.Done {
		bar.SetTotal(e.Size, true)
	}
}

// close leaves the bars as they stand.
func (v *pullView) close() {
	if v.bars != nil {
		v.bars.Shutdown()
	}
}

// megabytes is a size for people.
func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }
