package chat

import (
	"fmt"
	"strings"

	"pgsrm/jinja"
)

// Variables are further variables of a template.
type Variables struct{ vars jinja.Vars }

// ParseVariables reads further variables of a template from a JSON object, such
// as {"enable_thinking": false}; the empty text has none.
func ParseVariables(text string) (*Variables, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	vars, err := jinja.ParseVars(text)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"messages", "add_generation_prompt", "strftime_now"} {
		if _, ok := vars[name]; ok {
			return nil, fmt.Errorf("must not set %q", name)
		}
	}
	return &Variables{vars}, nil
}
