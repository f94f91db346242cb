package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/docs"
	"pgsrm/internal/printable"
	"pgsrm/run"
)

// newConfigCommand groups the commands by which the configuration explains itself.
func newConfigCommand(g *globalOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show, explain and write configurations",
		Long: `The config commands show what a configuration comes to and where each value is
from, explain its keys, write a file to start from, and a schema for editors.

EXAMPLES
  pgsrm config show --config run.yaml --set rollout.top_k=50
  pgsrm config explain schedule.lr
` + exitStatusHelp,
	}
	cmd.AddCommand(newConfigShowCommand(g), newConfigExplainCommand(g), newConfigInitCommand(g), newConfigSchemaCommand(g))
	return cmd
}

func newConfigShowCommand(g *globalOptions) *cobra.Command {
	var opts configOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show every value and where it is from",
		Long: `The show command takes the flags of train and prints every key of the
configuration with its value and its origin: default, a preset, a line of the
file, a flag, or what it follows from. Nothing is opened but the task.

EXAMPLES
  pgsrm config show --task opposites
  pgsrm config show --config runs/colors/config.yaml --json
` + exitStatusHelp,
		RunE: func(*cobra.Command, []string) error { return runConfigShow(&opts, g) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// shownValue is one value of config show --json.
type shownValue struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	From  string `json:"from"`           // default, preset, file, flag or derived
	Name  string `json:"name,omitempty"` // of the preset, the file, the flag, or what the value follows from
	Line  int    `json:"line,omitempty"` // in the file
}

// runConfigShow prints the values.
func runConfigShow(o *configOptions, g *globalOptions) error {
	r, err := o.resolve(g)
	if err != nil {
		return err
	}
	if r.Out == "" {
		r.DeriveOut(defaultOut(r.Config))
	}
	if !g.JSON {
		return printValues(g, r)
	}
	return g.printJSON(struct {
		Values []shownValue `json:"values"`
	}{shownValues(r)})
}

// shownValues are all values of a configuration.
func shownValues(r *run.Resolved) []shownValue {
	var values []shownValue
	for _, k := range config.Keys(&r.Config) {
		if o := r.Origin(k.Name); !k.Section {
			values = append(values, shownValue{k.Name, k.Value.Interface(), o.Layer, o.Name, o.Line})
		}
	}
	return values
}

// printPlans prints the configuration and what would be run: the output of
// --dry-run.
func printPlans(g *globalOptions, r *run.Resolved, plans ...run.Plan) error {
	for _, text := range plans[0].Warnings {
		g.Log.Warn(text)
	}
	if g.JSON {
		return g.printJSON(struct {
			Values []shownValue `json:"values"`
			Runs   []run.Plan   `json:"runs"`
		}{shownValues(r), plans})
	}
	if err := printValues(g, r); err != nil {
		return err
	}
	w := bufio.NewWriter(g.Stdout)
	p := plans[0]
	fmt.Fprintf(w, "\ntask      %s, %d prompts to train on, %d held out\n", printable.Text(p.Task), p.Train, p.HeldOut)
	fmt.Fprintf(w, "child     %s, %d weights, %d of them trained\n", printable.Text(p.Child), p.Weights, p.Trained)
	fmt.Fprintf(w, "parent    %s\nembedder  %s\n", printable.Text(p.Parent), printable.Text(shortName(p.Embedder)))
	for _, text := range p.Notes {
		fmt.Fprintf(w, "decided   %s\n", printable.Text(text))
	}
	for _, p := range plans {
		fmt.Fprintf(w, "run       %s (%s), %d episodes in %d steps\n", printable.Text(p.Out), p.State, p.Episodes, p.Steps)
	}
	if p.Look != nil {
		fmt.Fprintln(w)
		if err := printLook(w, p.Look.Lines(), ""); err != nil {
			return err
		}
	}
	return w.Flush()
}

// printValues prints a line for each value.
func printValues(g *globalOptions, r *run.Resolved) error {
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	for _, k := range config.Keys(&r.Config) {
		if !k.Section {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, printable.Text(r.Origin(k.Name).String()), k.Text())
		}
	}
	return w.Flush()
}

func newConfigExplainCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Explain a key: meaning, type, bounds, default",
		Long: `The explain command prints what docs/configuration.md says about a key, or about
a section and the keys in it. Without a key it lists all keys.

EXAMPLES
  pgsrm config explain rollout.temperature
  pgsrm config explain ppo.kl
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return beginning(typed, completeKeys(true, "")), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return runConfigExplain(strings.Join(args, ""), g) },
	}
}

// explained is one key of config explain --json.
type explained struct {
	Key     string            `json:"key"`
	Text    string            `json:"text"`
	Type    string            `json:"type,omitempty"`
	Default string            `json:"default,omitempty"`
	Presets map[string]string `json:"presets,omitempty"` // values under the presets that have another
	Keys    []string          `json:"keys,omitempty"`    // of a section
}

// runConfigExplain explains one key, or lists all.
func runConfigExplain(key string, g *globalOptions) error {
	page := config.ParsePage(docs.Configuration)
	if key == "" {
		return listKeys(page, g)
	}
	e := page.Find(key)
	if e == nil && strings.HasPrefix(key, "reward.") {
		e = page.Find("reward")
	}
	if e == nil {
		return run.UnknownKey("config explain", key)
	}
	out := explained{Key: e.Key, Text: strings.Join(e.Text, " "), Type: e.Type, Default: e.Default, Presets: presetValues(e.Key)}
	for _, k := range page.Entries {
		if rest, ok := strings.CutPrefix(k.Key, e.Key+"."); ok && !strings.Contains(rest, ".") {
			out.Keys = append(out.Keys, k.Key)
		}
	}
	if g.JSON {
		return g.printJSON(out)
	}
	return printExplained(g, out)
}

// presetValues are the values of a key under the presets that change it.
func presetValues(key string) map[string]string {
	of := func(c run.Config) string {
		for _, k := range config.Keys(&c) {
			if k.Name == key && !k.Section {
				return k.Text()
			}
		}
		return ""
	}
	values := map[string]string{}
	for _, name := range run.Presets() {
		all, lora := of(run.OfPreset(name, false)), of(run.OfPreset(name, true))
		if all != of(run.Default()) {
			values[name] = all
		}
		if lora != all {
			values[name+" with LoRA"] = lora
		}
	}
	return values
}

// printExplained prints one key for readers.
func printExplained(g *globalOptions, e explained) error {
	w := bufio.NewWriter(g.Stdout)
	fmt.Fprintf(w, "%s\n  %s\n", e.Key, e.Text)
	if e.Type != "" {
		fmt.Fprintf(w, "  type     %s\n  default  %s\n", e.Type, e.Default)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Presets)) {
		fmt.Fprintf(w, "  preset   %s: %s\n", name, e.Presets[name])
	}
	for _, k := range e.Keys {
		fmt.Fprintf(w, "  key      %s\n", k)
	}
	return w.Flush()
}

// listKeys prints all keys with their types and defaults.
func listKeys(page *config.Page, g *globalOptions) error {
	if g.JSON {
		var keys []string
		for _, e := range page.Entries {
			keys = append(keys, e.Key)
		}
		return g.printJSON(struct {
			Keys []string `json:"keys"`
		}{keys})
	}
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	for _, e := range page.Entries {
		if e.Section {
			fmt.Fprintf(w, "%s\t\tsection\n", e.Key)
		} else {
			fmt.Fprintf(w, "%s\t%s\t%s\n", e.Key, e.Default, e.Type)
		}
	}
	return w.Flush()
}

// configInitOptions are the flags of config init.
type configInitOptions struct{ Out string }

// AddFlags adds the flags of config init.
func (o *configInitOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", "", "`file` to write; it must not exist (default: standard output)")
}

func newConfigInitCommand(g *globalOptions) *cobra.Command {
	var opts configInitOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a commented file to start from",
		Long: `The init command writes a configuration file in which every key stands with its
meaning, bounds and default, commented out: the file by itself means the defaults,
and a line without its # changes one value.

EXAMPLES
  pgsrm config init --out run.yaml && pgsrm train --config run.yaml
` + exitStatusHelp,
		RunE: func(*cobra.Command, []string) error { return runConfigInit(opts, g) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// runConfigInit writes the starter file.
func runConfigInit(o configInitOptions, g *globalOptions) error {
	c := run.Default()
	text := "# A configuration of pgsrm: every key with its default. Take away the # of a line to\n" +
		"# change its value. pgsrm config explain KEY tells more.\n\n" +
		config.ParsePage(docs.Configuration).Starter(config.Keys(&c))
	if o.Out == "" {
		_, err := fmt.Fprint(g.Stdout, text)
		return err
	}
	f, err := os.OpenFile(o.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return inputErrorf("--out: must not exist (got %q)", o.Out)
	}
	if err != nil {
		return inputErrorf("--out: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(o.Out)
		return err
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: written\n", o.Out)
	return err
}

func newConfigSchemaCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a configuration file",
		Long: `The schema command prints the JSON Schema (draft 2020-12) of a configuration file.
Editors that know it complete keys, show their meaning and underline mistakes: in
those with yaml-language-server by the first line
# yaml-language-server: $schema=pgsrm.schema.json

EXAMPLES
  pgsrm config schema > pgsrm.schema.json
` + exitStatusHelp,
		RunE: func(*cobra.Command, []string) error {
			c := run.Default()
			page := config.ParsePage(docs.Configuration)
			return g.printJSON(config.Schema(&c, "pgsrm configuration", func(key string) string {
				if e := page.Find(key); e != nil {
					return strings.Join(e.Text, " ")
				}
				return ""
			}))
		},
	}
}
