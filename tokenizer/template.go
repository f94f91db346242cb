package tokenizer

// EncodeControl returns the ids of a text in which special tokens stand for
// themselves, as in a rendered chat template, without those that the
// post-processor would add. It equals `encode(text, add_special_tokens=False)`.
func (t *Tokenizer) EncodeControl(text string) []int32 { return t.encode(nil, text, true) }
