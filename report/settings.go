package report

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/run"
)

// flattenFile reads a YAML or JSON object and returns its leaves by dotted
// path, lists written in one line. A file that is absent has none.
func flattenFile(path string) (map[string]string, error) {
	flat := map[string]string{}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return flat, nil
	}
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("report: %s: must be a mapping: %w", path, err)
	}
	flatten(flat, "", tree)
	return flat, nil
}

func flatten(flat map[string]string, prefix string, node any) {
	switch v := node.(type) {
	case map[string]any:
		for name, child := range v {
			flatten(flat, prefix+"."+name, child)
		}
	case nil:
	default:
		flat[strings.TrimPrefix(prefix, ".")] = oneLine(v)
	}
}

// oneLine writes a leaf or a list; mappings in lists keep the order of names.
func oneLine(node any) string {
	switch v := node.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = oneLine(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+": "+oneLine(v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v)
	}
}

// fingerprint is the configuration without the keys that are run.Personal, in one text.
func fingerprint(config map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if !run.Personal(name) {
			fmt.Fprintf(&b, "%s=%s\n", name, config[name])
		}
	}
	return b.String()
}

// differing returns the settings that are not the same in all configurations.
func differing(configs []map[string]string) []string {
	names := map[string]bool{}
	for _, c := range configs {
		for name := range c {
			if !run.Personal(name) && c[name] != configs[0][name] {
				names[name] = true
			}
		}
		for name := range configs[0] {
			if !run.Personal(name) && c[name] != configs[0][name] {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
