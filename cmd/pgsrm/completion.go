package main

import (
	"github.com/spf13/cobra"

	"pgsrm/config"
)

// shells are those that completion writes a script for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

// newCompletionCommand writes the scripts by which shells complete command lines;
// complete.go holds the values that they offer.
func newCompletionCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Write the completion script of a shell",
		Long: `The completion command writes the script by which a shell completes commands, flags
and the values of flags: tasks, rewards, algorithms, and all keys of the configuration
after --set.

EXAMPLES
  source <(pgsrm completion bash)
  pgsrm completion zsh > "${fpath[1]}/_pgsrm"
  pgsrm completion fish > ~/.config/fish/completions/pgsrm.fish
  pgsrm completion powershell | Out-String | Invoke-Expression
` + exitStatusHelp,
		Args:      cobra.ExactArgs(1),
		ValidArgs: shells,
		RunE:      func(cmd *cobra.Command, args []string) error { return runCompletion(cmd.Root(), args[0], g) },
	}
}

// runCompletion writes the script of one shell.
func runCompletion(root *cobra.Command, shell string, g *globalOptions) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(g.Stdout, true)
	case "zsh":
		return root.GenZshCompletion(g.Stdout)
	case "fish":
		return root.GenFishCompletion(g.Stdout, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(g.Stdout)
	}
	return config.OneOf("completion", shell, shells...)
}
