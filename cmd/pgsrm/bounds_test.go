package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
)

// Every flag that is a number has bounds, and the bounds hold before a command
// does anything.
func TestEveryNumberOfAFlagIsBounded(t *testing.T) {
	inside := []string{"--base-rate=-1", "--seed=9223372036854775807"}
	flags := 0
	eachCommand(newRootCommand(&globalOptions{}), func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !isNumber(f) {
				return
			}
			flags++
			bounds := boundsOf(c, f)
			if bounds == "" {
				t.Errorf("%s --%s must have bounds", c.CommandPath(), f.Name)
				return
			}
			config.ParseInterval(bounds)
			if err := checkBounds(c); err != nil {
				t.Errorf("%s: the default is out of its bounds: %v", c.CommandPath(), err)
			}
			path := strings.Fields(c.CommandPath())[1:]
			if len(path) == 0 {
				path = []string{"version"}
			}
			for _, value := range []string{"9223372036854775807", "1e308", "NaN", "Inf", "-1", "99999999999999999999"} {
				arg := "--" + f.Name + "=" + value
				if slices.Contains(inside, arg) {
					continue
				}
				code, stdout, stderr := call(t, append(slices.Clone(path), arg)...)
				bad := strings.HasPrefix(stderr, "pgsrm: --"+f.Name+": must be ") || strings.HasPrefix(stderr, "pgsrm: invalid argument ")
				if code != exitInput || stdout != "" || !bad || strings.Count(stderr, "\n") != 1 {
					t.Errorf("%v %s: code %d, %q, %q", path, arg, code, stdout, stderr)
				}
			}
		})
	})
	if flags < 30 {
		t.Errorf("got %d flags that are numbers", flags)
	}
}

// Threads beyond any machine once ended in out of memory; a temperature that is a
// denormal of float32 made logits infinite.
func TestNumbersThatOnceBroke(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"version", "--threads", "100000000"}, "--threads: must be between 0 and 1024 (got 100000000)"},
		{[]string{"train", "--threads", "100000000"}, "--threads: must be between 0 and 1024 (got 100000000)"},
		{[]string{"generate", "--prompt", "x", "--temperature", "1e-40"}, "--temperature: must be 0 for greedy answers, or between 0.0001 and 100 (got 1e-40)"},
		{[]string{"generate", "--prompt", "x", "--temperature", "1e38"}, "--temperature: must be between 0 and 100 (got 1e+38)"},
		{[]string{"generate", "--prompt", "x", "--max-new-tokens", "9223372036854775807"}, "--max-new-tokens: must be between 1 and 1048576 (got 9223372036854775807)"},
	} {
		if code, _, stderr := call(t, c.args...); code != exitInput || stderr != "pgsrm: "+c.want+"\n" {
			t.Errorf("%v: code %d, %q", c.args, code, stderr)
		}
	}
}
