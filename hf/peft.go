package hf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/safetensors"
	"pgsrm/tokenizer"
)

// Names of the files of a PEFT adapter folder; docs/format/adapter-folder.md describes them.
const (
	adapterConfigFile  = "adapter_config.json"
	adapterWeightsFile = "adapter_model.safetensors"
	adapterPrefix      = "base_model.model." // of all tensor names, as PEFT wraps a model
)

// adapterConfig is what an adapter_config.json says.
type adapterConfig struct {
	lora       LoRA
	transposed bool // fan_in_fan_out: the base keeps its matrices [in][out], as GPT-2 does
	unknown    []string
}

// adapterInert are members of adapter_config.json without effect on the numbers
// of a trained adapter.
var adapterInert = []string{
	"auto_mapping", "inference_mode", "peft_version", "megatron_core", "qalora_group_size", "ensure_weight_tying",
}

// adapterPlain are the members that ask for other mathematics, or for other
// weights than A and B, unless they have one of these values. null counts as absent.
var adapterPlain = []demand{
	{"peft_type", []string{`"LORA"`}},
	{"task_type", []string{`"CAUSAL_LM"`}},
	{"bias", []string{`"none"`}},
	{"init_lora_weights", []string{"true", "false", `"gaussian"`, `"orthogonal"`}}, // others change the base as well
	{"use_dora", []string{"false"}}, {"use_qalora", []string{"false"}}, {"lora_bias", []string{"false"}},
	{"modules_to_save", []string{"[]"}}, {"exclude_modules", []string{"[]"}}, {"target_parameters", []string{"[]"}},
	{"layers_to_transform", []string{"null"}}, {"layers_pattern", []string{"null"}}, {"layer_replication", []string{"null"}},
	{"rank_pattern", []string{"{}"}}, {"alpha_pattern", []string{"{}"}},
	{"loftq_config", []string{"{}"}}, {"eva_config", []string{"null"}}, {"corda_config", []string{"null"}}, {"lora_ga_config", []string{"null"}},
	{"velora_config", []string{"null"}}, {"arrow_config", []string{"null"}}, {"kasa_config", []string{"null"}}, {"monteclora_config", []string{"null"}},
	{"megatron_config", []string{"null"}}, {"use_bdlora", []string{"null", "false"}},
	{"trainable_token_indices", []string{"null"}}, {"alora_invocation_tokens", []string{"null"}},
}

// parseAdapterConfig reads an adapter_config.json. Absent members have PEFT's
// defaults; one that the engine cannot follow exactly is an error that names it,
// and one that is unknown is ignored: see Model.Warning.
func parseAdapterConfig(text []byte) (adapterConfig, error) {
	f, err := parseFields(adapterConfigFile, text)
	if err != nil {
		return adapterConfig{}, err
	}
	f.skip(adapterInert...)
	f.demand(adapterPlain)
	if f.raw["peft_type"] == nil {
		f.fail("peft_type", `"LORA"`)
	}
	var c adapterConfig
	c.lora.Rank = f.int(8, "r")
	c.lora.Alpha = f.float(8, "lora_alpha")
	c.lora.RSLoRA = f.flag(false, "use_rslora")
	c.lora.Dropout = f.float(0, "lora_dropout")
	c.lora.Base, c.lora.Revision = f.text("", "base_model_name_or_path"), f.text("", "revision")
	c.transposed = f.flag(false, "fan_in_fan_out")
	f.read["target_modules"] = true
	if raw := f.raw["target_modules"]; json.Unmarshal(raw, &c.lora.Targets) != nil {
		if json.Unmarshal(raw, &c.lora.Pattern) != nil {
			f.fail("target_modules", "a list of names or a text")
		} else if c.lora.Pattern == AllLinear {
			c.lora.Targets, c.lora.Pattern = []string{AllLinear}, ""
		}
	}
	if f.err != nil {
		return adapterConfig{}, f.err
	}
	c.unknown = inFile(adapterConfigFile, f.unknown())
	if err := c.lora.Validate(); err != nil {
		return adapterConfig{}, fmt.Errorf("%s: %w", adapterConfigFile, err)
	}
	return c, nil
}

// IsAdapter says whether a folder holds an adapter of PEFT instead of a model.
func IsAdapter(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, adapterConfigFile))
	return err == nil
}

// AdapterBase is the model that the adapter in a folder says it belongs to:
// base_model_name_or_path and revision; "" where it says nothing.
func AdapterBase(dir string) (base, revision string, err error) {
	c, err := readAdapterConfig(os.DirFS(dir))
	if err != nil {
		return "", "", fmt.Errorf("load adapter: %s: %w", dir, err)
	}
	return c.lora.Base, c.lora.Revision, nil
}

func readAdapterConfig(fsys fs.FS) (adapterConfig, error) {
	text, err := fs.ReadFile(fsys, adapterConfigFile)
	if err != nil {
		return adapterConfig{}, err
	}
	return parseAdapterConfig(text)
}

// LoadAdapter puts the adapter in a PEFT folder on the model, which must have
// none: see AddLoRA. With sameBase set, an adapter that this package wrote must
// have been trained on these very weights; PEFT's own say nothing about that.
func (m *Model) LoadAdapter(dir string, sameBase bool) error {
	if err := m.loadAdapter(os.DirFS(dir), sameBase); err != nil {
		return fmt.Errorf("load adapter: %s: %w", dir, err)
	}
	return nil
}

func (m *Model) loadAdapter(fsys fs.FS, sameBase bool) error {
	c, err := readAdapterConfig(fsys)
	if err != nil {
		return err
	}
	if c.transposed != conv1D(m.Config) {
		return fmt.Errorf("%s: fan_in_fan_out must be %v for a base of model_type %q (got %v)", adapterConfigFile, conv1D(m.Config), m.Config.Family, c.transposed)
	}
	set, err := openAdapterWeights(fsys)
	if err != nil {
		return err
	}
	defer set.close()
	if err := m.addLoRA(c.lora, false, 0); err != nil {
		return fmt.Errorf("%s: %w", adapterConfigFile, err)
	}
	err = m.fillAdapters(set, sameBase)
	if err == nil {
		m.foreign = c.unknown
		err = m.adopt(fsys)
	}
	if err != nil {
		m.DropLoRA()
	}
	return err
}

// adopt takes over what stands beside an adapter: the tokenizer with its chat
// template, which a training may have changed, and the memory.
func (m *Model) adopt(fsys fs.FS) error {
	beside, err := readKept(fsys, []string{tokenizerFile, memoryFile})
	if err != nil {
		return err
	}
	files := maps.Clone(m.files)
	if files == nil {
		files = map[string][]byte{}
	}
	if text := beside[memoryFile]; text != nil {
		files[memoryFile] = text
	}
	unknown, err := m.recall(beside)
	if err != nil {
		return err
	}
	m.foreign = append(m.foreign, unknown...)
	if beside[tokenizerFile] != nil {
		if err := m.adoptTokenizer(fsys, files, beside[tokenizerFile]); err != nil {
			return err
		}
	}
	m.files = files
	return nil
}

// adoptTokenizer replaces the tokenizer and its files by those beside an adapter,
// whose tokenizer.json has the text.
func (m *Model) adoptTokenizer(fsys fs.FS, files map[string][]byte, text []byte) error {
	tok := m.Tokenizer
	if tok == nil || !bytes.Equal(text, tok.JSON()) {
		var err error
		if tok, err = tokenizer.LoadFS(fsys); err != nil {
			return err
		}
	}
	if tok.Size() > m.Config.Vocab {
		return fmt.Errorf("tokenizer: ids must lie below vocab_size %d of the base (got %d ids)", m.Config.Vocab, tok.Size())
	}
	own, err := readKept(fsys, tokenizerFiles)
	if err != nil {
		return err
	}
	for _, name := range tokenizerFiles {
		delete(files, name)
	}
	maps.Copy(files, own)
	if files[configFile] != nil { // as for a base with this tokenizer
		cfg, err := folderConfig(files, tok)
		if err != nil {
			return err
		}
		m.Config.EOS, m.Config.EndTokens = cfg.EOS, cfg.EndTokens
	}
	m.Tokenizer = tok
	return nil
}

// conv1D says whether the family's matrices are [in][out] in a folder.
func conv1D(c lm.Config) bool { return c.Family == "gpt2" }

// openAdapterWeights opens the tensors of an adapter.
func openAdapterWeights(fsys fs.FS) (*weightSet, error) {
	if _, err := fs.Stat(fsys, adapterWeightsFile); errors.Is(err, fs.ErrNotExist) {
		if _, err := fs.Stat(fsys, "adapter_model.bin"); err == nil {
			return nil, fmt.Errorf("%s is missing: adapter_model.bin is not read, since such files can run code; "+
				"write the adapter anew with PEFT's save_pretrained", adapterWeightsFile)
		}
	}
	f, err := safetensors.Open(fsys, adapterWeightsFile)
	if err != nil {
		return nil, err
	}
	set := &weightSet{of: map[string]source{}, metadata: f.Metadata}
	set.add(f)
	return set, nil
}

// fillAdapters reads A [rank][K] and B [N][rank] of every module; nothing else
// may be in the file.
func (m *Model) fillAdapters(set *weightSet, sameBase bool) error {
	var missing, surplus, misshaped []string
	known := map[string]bool{}
	for _, p := range m.LoRAParams() {
		name := adapterPrefix + p.Name
		known[name] = true
		s, shape := set.of[name], []int{p.N, p.K}
		if s.read == nil {
			missing = append(missing, name)
		} else if !slices.Equal(s.shape, shape) {
			misshaped = append(misshaped, fmt.Sprintf("%s must have shape %v (got %v)", name, shape, s.shape))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set.of)) {
		if !known[name] {
			surplus = append(surplus, name)
		}
	}
	if faults := faultText(missing, surplus, misshaped); faults != "" {
		return fmt.Errorf("%s: tensors must be those of %s on this base: %s", adapterWeightsFile, adapterConfigFile, faults)
	}
	for _, p := range m.LoRAParams() {
		s, n := set.of[adapterPrefix+p.Name], p.K*p.N
		err := safetensors.Guard(func() error {
			x, err := s.part(0, n, make([]float32, n))
			if err == nil {
				p.Set(x, true)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if want := set.metadata[baseDigestKey]; sameBase && want != "" && want != m.baseDigest() {
		return fmt.Errorf("%s: the base %s must have the weights that the adapter was trained on (sha256 %.12s, got %.12s); to use it all the same name the base as ADAPTER@BASE",
			adapterWeightsFile, m.adapter.Base, want, m.baseDigest())
	}
	return nil
}

// Members of the metadata of an adapter's tensors that this package writes
// beside PEFT's "format".
const (
	baseNameKey   = "pgsrm.base"
	baseDigestKey = "pgsrm.base_sha256" // see baseDigest
)

// baseDigest identifies the frozen weights: the hex SHA-256 of all tensors in F32
// as a folder would hold them, in the order of their table, whatever the layout in memory.
func (m *Model) baseDigest() string {
	if m.baseSum != "" {
		return m.baseSum
	}
	h := sha256.New()
	tensors := tensors(m.Model, nil)
	for i := range tensors {
		tensors[i].DType = safetensors.F32
	}
	_ = safetensors.WriteNumbers(h, tensors) // a hash takes everything
	m.baseSum = hex.EncodeToString(h.Sum(nil))
	return m.baseSum
}

// SaveAdapter writes the adapters as a folder that PEFT loads, in F32; the
// frozen weights are not in it. The folder appears whole or not at all; an
// existing one is replaced if it is empty, an adapter or a model folder.
func (m *Model) SaveAdapter(dir string) error {
	if m.LoRAParams() == nil {
		return fmt.Errorf("save adapter: the model must have adapters (it has none)")
	}
	if err := Replaceable(dir); err != nil {
		return fmt.Errorf("save adapter: %w", err)
	}
	if err := m.CheckWeights(); err != nil {
		return fmt.Errorf("save adapter: %w", err)
	}
	err := durable.WriteDir(dir, func(tmp string) error {
		files := m.besideAdapter()
		files[adapterConfigFile] = m.adapterJSON()
		if err := writeFiles(tmp, files); err != nil {
			return err
		}
		return safetensors.Write(filepath.Join(tmp, adapterWeightsFile), safetensors.F32, map[string]string{
			"format": "pt", baseNameKey: m.adapter.Base, baseDigestKey: m.baseDigest(),
		}, m.adapterTensors())
	})
	if err != nil {
		return fmt.Errorf("save adapter: %w", err)
	}
	return nil
}

// besideAdapter are the files that stand beside an adapter, as PEFT and TRL write
// them: the tokenizer with its chat template; the memory and the model card.
func (m *Model) besideAdapter() map[string][]byte {
	files := map[string][]byte{}
	if m.Tokenizer != nil {
		files[tokenizerFile] = m.Tokenizer.JSON()
		files[tokenizerConfigFile] = tokenizerConfigJSON(m.Config, m.Tokenizer)
		for _, name := range tokenizerFiles {
			if text := m.files[name]; text != nil {
				files[name] = text
			}
		}
	}
	if m.memory != nil {
		files[memoryFile] = m.memory.encode()
	}
	m.addCard(files)
	return files
}

// adapterTensors are A and B under PEFT's names and in PEFT's shapes.
func (m *Model) adapterTensors() []safetensors.Tensor {
	var out []safetensors.Tensor
	for _, p := range m.LoRAParams() {
		x := make([]float32, p.N*p.K) // adapters are small
		p.Get(x, true)
		out = append(out, safetensors.Tensor{Name: adapterPrefix + p.Name, Shape: []int{p.N, p.K}, Data: x})
	}
	return out
}

// adapterJSON is the adapter_config.json of the adapters.
func (m *Model) adapterJSON() []byte {
	l := m.adapter
	v := map[string]any{
		"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": nil, "inference_mode": true,
		"r": l.Rank, "lora_alpha": l.Alpha, "use_rslora": l.RSLoRA, "lora_dropout": l.Dropout, "target_modules": l.Targets,
		"fan_in_fan_out": conv1D(m.Config), "bias": "none", "use_dora": false, "init_lora_weights": true, "modules_to_save": nil,
		"layers_to_transform": nil, "layers_pattern": nil, "rank_pattern": map[string]int{}, "alpha_pattern": map[string]int{},
	}
	if l.Base != "" {
		v["base_model_name_or_path"] = l.Base
	}
	if l.Revision != "" {
		v["revision"] = l.Revision
	}
	if l.Pattern != "" {
		v["target_modules"] = l.Pattern
	}
	return indented(v)
}
