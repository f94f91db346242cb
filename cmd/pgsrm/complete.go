package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgsrm/config"
	"pgsrm/docs"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/run"
	"pgsrm/task"
)

// completions are the values that shells offer for flags, by name. Those of flags
// that also take files leave room for them.
var completions = map[string]cobra.CompletionFunc{
	"task":          words(cobra.ShellCompDirectiveDefault, task.Names),
	"reward":        completeReward,
	"rewards":       completeRewards,
	"algorithm":     words(cobra.ShellCompDirectiveNoFileComp, rl.Algorithms),
	"preset":        words(cobra.ShellCompDirectiveNoFileComp, run.Presets),
	"child":         words(cobra.ShellCompDirectiveDefault, func() []string { return []string{"builtin:tiny"} }),
	"parent":        words(cobra.ShellCompDirectiveDefault, func() []string { return []string{"builtin"} }),
	"embedder":      words(cobra.ShellCompDirectiveDefault, func() []string { return []string{"builtin"} }),
	"chat-template": words(cobra.ShellCompDirectiveNoFileComp, func() []string { return []string{"auto", "on", "off"} }),
	"split":         words(cobra.ShellCompDirectiveNoFileComp, func() []string { return []string{string(task.HeldOut), string(task.Train)} }),
	"dtype":         words(cobra.ShellCompDirectiveNoFileComp, func() []string { return []string{"F32", "BF16"} }),
	"type":          words(cobra.ShellCompDirectiveNoFileComp, func() []string { return append(slices.Sorted(maps.Keys(ggufTypes)), exactType) }),
	"sort":          words(cobra.ShellCompDirectiveNoFileComp, runOrders),
	"on":            words(cobra.ShellCompDirectiveNoFileComp, clusterNames),
	"set":           completeSetting,
}

// words offers a list.
func words(directive cobra.ShellCompDirective, list func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return beginning(typed, list()), directive
	}
}

// beginning are the words that begin with what was typed.
func beginning(typed string, words []string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, typed) })
}

// completeReward offers rewards, and to commands that train arms too.
func completeReward(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	names := rewardNames()
	if cmd.Flags().Lookup("algorithm") != nil {
		names = armNames()
	}
	return beginning(typed, names), cobra.ShellCompDirectiveNoFileComp
}

// completeRewards offers arms for the last place of a list with commas.
func completeRewards(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	var lists []string
	for _, name := range armNames() {
		lists = append(lists, before+name)
	}
	return beginning(typed, lists), cobra.ShellCompDirectiveNoFileComp
}

func rewardNames() []string { return append(reward.Names(), reward.Kinds()...) }

// armNames are the rewards, and the arms that may stand in their place.
func armNames() []string {
	names := rewardNames()
	for _, a := range run.NamedArms() {
		names = append(names, a.Name)
	}
	return names
}

// completeSetting offers the keys of a configuration and what they are for, and
// after the = of a key the words that it takes.
func completeSetting(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	key, _, valued := strings.Cut(typed, "=")
	if !valued {
		return beginning(typed, completeKeys(false, "=")), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var values []string
	for _, word := range wordsOf(key) {
		values = append(values, key+"="+word)
	}
	return beginning(typed, values), cobra.ShellCompDirectiveNoFileComp
}

// wordsOf are the words that the value of a key may be, nil where it is free.
func wordsOf(key string) []string {
	c := run.Default()
	for _, k := range config.Keys(&c) {
		switch {
		case k.Name != key:
		case k.Words() != nil:
			return k.Words()
		case k.Type() == "<bool>":
			return []string{"true", "false"}
		}
	}
	return map[string][]string{"task": task.Names(), "reward": armNames(), "preset": run.Presets(),
		"best.metric": run.BestMetrics(), "early_stopping.metric": run.BestMetrics()}[key]
}

// completeKeys lists the keys, and with sections these too, each with an ending
// and the first line of its description.
func completeKeys(sections bool, ending string) []string {
	var keys []string
	for _, e := range config.ParsePage(docs.Configuration).Entries {
		if !e.Section || sections {
			keys = append(keys, cobra.CompletionWithDesc(e.Key+ending, e.Text[0]))
		}
	}
	return keys
}

// addCompletions offers the values of all flags of a command and of those below it.
func addCompletions(cmd *cobra.Command) {
	for name, f := range completions {
		if cmd.Flags().Lookup(name) != nil {
			if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
				panic(err) // registered twice
			}
		}
	}
	for _, sub := range cmd.Commands() {
		addCompletions(sub)
	}
}
