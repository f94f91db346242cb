package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"pgsrm/internal/jsonobject"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// Names of the files of weights in a Hugging Face folder.
const (
	weightsFile = "model.safetensors"
	indexFile   = "model.safetensors.index.json" // of a sharded model
)

// weightSet is all tensors of a folder, in one file or several shards.
type weightSet struct {
	files []*safetensors.File
	of    map[string]*safetensors.File // tensor name in the folder -> its file
}

// openWeights opens the weights of a folder.
func openWeights(fsys fs.FS) (*weightSet, error) {
	set := &weightSet{of: map[string]*safetensors.File{}}
	shards, where, err := shardNames(fsys)
	if err != nil {
		return nil, err
	}
	for _, name := range shards {
		f, err := safetensors.Open(fsys, name)
		if err != nil {
			return nil, errors.Join(err, set.close())
		}
		set.files = append(set.files, f)
		for _, t := range f.Tensors() {
			if where != nil && where[t.Name] != name {
				return nil, errors.Join(fmt.Errorf("%s: tensor %q of %s must be listed under that file (got %q)", indexFile, t.Name, name, where[t.Name]), set.close())
			}
			set.of[t.Name] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(where)) {
		if set.of[name] == nil {
			return nil, errors.Join(fmt.Errorf("%s: tensor %q must be in %s (it is not)", indexFile, name, where[name]), set.close())
		}
	}
	return set, nil
}

func (s *weightSet) close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// shardNames returns the files of weights, and for a sharded model where the
// index says that each tensor is.
func shardNames(fsys fs.FS) (shards []string, where map[string]string, err error) {
	if _, err := fs.Stat(fsys, weightsFile); err == nil {
		return []string{weightsFile}, nil, nil
	}
	text, err := fs.ReadFile(fsys, indexFile)
	if err != nil {
		return nil, nil, noWeights(fsys)
	}
	f, err := parseFields(indexFile, text)
	if err != nil {
		return nil, nil, err
	}
	if f.raw["weight_map"] == nil {
		f.fail("weight_map", "given")
		return nil, nil, f.err
	}
	where = map[string]string{}
	err = jsonobject.Each(f.raw["weight_map"], func(tensor string, file json.RawMessage) error {
		var name string
		if err := json.Unmarshal(file, &name); err != nil || !fs.ValidPath(name) || strings.Contains(name, "/") {
			return fmt.Errorf("file of tensor %q must be a name in the folder (got %s)", tensor, shorten(file))
		}
		where[tensor] = name
		shards = append(shards, name)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: weight_map: %w", indexFile, err)
	}
	slices.Sort(shards)
	return slices.Compact(shards), where, nil
}

// noWeights says what is missing, and what to do about pickle files.
func noWeights(fsys fs.FS) error {
	for _, pattern := range []string{"*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack"} {
		if found, err := fs.Glob(fsys, pattern); err == nil && len(found) > 0 {
			return fmt.Errorf("%s is missing: %s is not read, since such files can run code or are of another kind; "+
				"write the model anew with transformers' save_pretrained", weightsFile, found[0])
		}
	}
	return fmt.Errorf("%s is missing", weightsFile)
}

// source is the tensor of that name in the folder, which must be there.
func (s *weightSet) source(name string) source {
	info, _ := s.of[name].Info(name)
	return source{s.of[name], info}
}

// matchNames finds the tensor in the folder of each row of the table. Every
// parameter must be there in its shape, and nothing else but what the family is
// known to ignore: missing, surplus and mis-shaped tensors are errors by name.
func matchNames(cfg lm.Config, set *weightSet, table []tensorMap) ([]source, error) {
	n := namingOf(cfg.Family)
	actual := map[string]string{} // name without prefix -> name in the folder
	var surplus, missing, misshaped []string
	for _, name := range slices.Sorted(maps.Keys(set.of)) {
		base := n.old.Replace(strings.TrimPrefix(name, n.prefix))
		if first, twice := actual[base]; twice {
			surplus = append(surplus, fmt.Sprintf("%s (beside %s)", name, first))
		}
		actual[base] = name
	}
	sources := make([]source, len(table))
	for i, t := range table {
		name, ok := actual[t.name]
		delete(actual, t.name)
		if !ok {
			missing = append(missing, n.fullName(t.name))
			continue
		}
		sources[i] = set.source(name)
		if shape := sources[i].info.Shape; !slices.Equal(shape, t.shape) {
			misshaped = append(misshaped, fmt.Sprintf("%s must have shape %v (got %v)", name, t.shape, shape))
		}
	}
	for _, base := range slices.Sorted(maps.Keys(actual)) {
		if !n.ignored.MatchString(base) && !(cfg.Tied && base == headName) {
			surplus = append(surplus, actual[base])
		}
	}
	return sources, tensorFaults(missing, surplus, misshaped)
}

// tensorFaults is one error for all three kinds of fault, nil without any.
func tensorFaults(missing, surplus, misshaped []string) error {
	faults := faultText(missing, surplus, misshaped)
	if faults == "" {
		return nil
	}
	return fmt.Errorf("tensors must be those of %s: %s", configFile, faults)
}

// faultText lists the faults of each kind; "" without any.
func faultText(missing, surplus, misshaped []string) string {
	var faults []string
	for _, f := range []struct {
		what  string
		items []string
	}{{"missing", missing}, {"unexpected", surplus}, {"mis-shaped", misshaped}} {
		if len(f.items) > 0 {
			faults = append(faults, fmt.Sprintf("%d %s: %s", len(f.items), f.what, listed(f.items)))
		}
	}
	return strings.Join(faults, "; ")
}

// listed shows the first of the items.
func listed(items []string) string {
	const shown = 5
	if len(items) <= shown {
		return strings.Join(items, ", ")
	}
	return strings.Join(items[:shown], ", ") + ", ..."
}

// exactTypes are the types that the tensors had in the folder they came from, by
// name, if these hold all weights exactly; nil if not, or without such a folder.
func (m *Model) exactTypes() map[string]safetensors.DType {
	for _, t := range tensorTable(m.Model) {
		if !m.types[t.name].Holds(t.param.Value) {
			return nil
		}
	}
	return m.types
}

// tensors lists the model's weights under the names and in the shapes that
// transformers expects; types may give a type of its own to each.
func tensors(m *lm.Model, types map[string]safetensors.DType) []safetensors.Tensor {
	n := namingOf(m.Config.Family)
	if m.Config.NoHead {
		n.prefix = "" // transformers writes a bare BertModel without prefix
	}
	var out []safetensors.Tensor
	for _, t := range tensorTable(m) {
		out = append(out, safetensors.Tensor{Name: n.fullName(t.name), Shape: t.shape, DType: types[t.name], Fill: func(dst []float32, lo int) { t.rows(dst, t.param.Value, lo) }})
	}
	return out
}

// get copies the tensor's part of values, laid out like its parameter, to dst.
func (t *tensorMap) get(dst, values []float32) { t.rows(dst, values, 0) }

// rows is get for as many rows of the tensor as dst has room for, from row lo on.
func (t *tensorMap) rows(dst, values []float32, lo int) {
	p, width := t.param, safetensors.Info{Shape: t.shape[1:]}.Len()
	switch {
	case !p.Packed: // in our orientation
		copy(dst, values[(t.from+lo)*width:])
	case t.transposed:
		for r := range len(dst) / width {
			kernel.PackedColumn(dst[r*width:][:width], values, p.K, p.N, t.from+lo+r)
		}
	default:
		kernel.UnpackRows(dst, values, p.K, p.N, lo, lo+len(dst)/width)
	}
}
