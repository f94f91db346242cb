package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// weightSet is all tensors of a model on disk: of a folder, in one file or several
// shards, or of a GGUF file.
type weightSet struct {
	files    []io.Closer
	of       map[string]source // by name
	metadata map[string]string // of the file of an adapter
	gguf     bool
}

// add adds the tensors of a file.
func (s *weightSet) add(f *safetensors.File) {
	s.files = append(s.files, f)
	for _, t := range f.Tensors() {
		s.of[t.Name] = folderSource(f, t)
	}
}

// source is a tensor on disk.
type source struct {
	name, file string
	shape      []int
	dtype      safetensors.DType                                  // that holds its numbers as they are
	read       func(lo, hi int, buf []float32) ([]float32, error) // numbers lo..hi-1, in buf or as they lie in memory
	drop       func(lo, hi int)                                   // says that they will not be read again soon
}

// part is numbers lo..hi-1 of the tensor, all of which must be finite.
func (s *source) part(lo, hi int, buf []float32) ([]float32, error) {
	x, err := s.read(lo, hi, buf)
	if err != nil {
		return nil, err
	}
	for i, v := range x {
		if v-v != 0 {
			return nil, fmt.Errorf("%s: tensor %q must be finite (got %v at %d)", s.file, s.name, v, lo+i)
		}
	}
	return x, nil
}

// folderSource is a tensor of a safetensors file.
func folderSource(f *safetensors.File, info safetensors.Info) source {
	return source{
		name: info.Name, file: f.Path, shape: info.Shape, dtype: info.DType,
		read: func(lo, hi int, buf []float32) ([]float32, error) { return f.Part(info, lo, hi, buf) },
		drop: func(lo, hi int) { f.Drop(info, lo, hi) },
	}
}

// openWeights opens the weights of a folder.
func openWeights(fsys fs.FS) (*weightSet, error) {
	set := &weightSet{of: map[string]source{}}
	shards, where, err := shardNames(fsys)
	if err != nil {
		return nil, err
	}
	for _, name := range shards {
		f, err := safetensors.Open(fsys, name)
		if err != nil {
			return nil, errors.Join(err, set.close())
		}
		set.add(f)
		for _, t := range f.Tensors() {
			if where != nil && where[t.Name] != name {
				return nil, errors.Join(fmt.Errorf("%s: tensor %q of %s must be listed under that file (got %q)", indexFile, t.Name, name, where[t.Name]), set.close())
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(where)) {
		if _, ok := set.of[name]; !ok {
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
	return missing(fsys, weightsFile)
}

// naming is how the names of the set are to be read.
func (s *weightSet) naming(family string) naming {
	if s.gguf {
		return ggufNaming
	}
	return namingOf(family)
}

// matchNames finds the tensor on disk of each row of the table. Every
// parameter must be there in its shape, and nothing else but what the family is
// known to ignore: missing, surplus and mis-shaped tensors are errors by name.
func matchNames(cfg lm.Config, set *weightSet, table []tensorMap) ([]source, error) {
	n := set.naming(cfg.Family)
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
		sources[i] = set.of[name]
		if shape := sources[i].shape; !slices.Equal(shape, t.shape) {
			misshaped = append(misshaped, fmt.Sprintf("%s must have shape %v (got %v)", name, t.shape, shape))
		}
	}
	for _, base := range slices.Sorted(maps.Keys(actual)) {
		if !n.ignored.MatchString(base) && !(cfg.Tied && base == headName) {
			surplus = append(surplus, actual[base])
		}
	}
	return sources, tensorFaults(set.gguf, missing, surplus, misshaped)
}

// tensorFaults is one error for all three kinds of fault, nil without any.
func tensorFaults(ofGGUF bool, missing, surplus, misshaped []string) error {
	faults := faultText(missing, surplus, misshaped)
	if faults == "" {
		return nil
	}
	of := configFile
	if ofGGUF {
		of = "the metadata"
	}
	return fmt.Errorf("tensors must be those of %s: %s", of, faults)
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
	case t.paired > 0 && !p.Packed:
		for r := range dst {
			dst[r] = values[t.from+t.row(lo+r)]
		}
	case !p.Packed: // in our orientation
		copy(dst, values[(t.from+lo)*width:])
	case t.transposed:
		for r := range len(dst) / width {
			kernel.PackedColumn(dst[r*width:][:width], values, p.K, p.N, t.from+t.row(lo+r))
		}
	default:
		kernel.UnpackRows(dst, values, p.K, p.N, lo, lo+len(dst)/width)
	}
}
