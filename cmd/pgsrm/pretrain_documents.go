package main

import (
	"context"
	"errors"
	"fmt"

	"pgsrm/corpus"
	"pgsrm/embed"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/tokenizer"
)

// clipTokens cuts a sequence to what the context holds.
func clipTokens(ids []int32, n int) []int32 { return ids[:min(n, len(ids))] }

// documents is an endless list of training documents in two pieces each.
type documents struct {
	at     func(i int) (prompt, answer string)
	texts  []string // all of them, where they are the user's own
	recipe string   // of which the generated ones are a function
}

func (d documents) encode(tok *tokenizer.Tokenizer, i int, eos int32) []int32 {
	prompt, answer := d.at(i)
	return append(append(tok.Encode(prompt), tok.Encode(answer)...), eos)
}

// sequences gives what the updates learn from, in order: the generated documents
// one after the other, texts of the user in a new order each time. data identifies
// them.
func (d documents) sequences(tok *tokenizer.Tokenizer, cfg lm.Config, seed uint64) (next func(i int) (lm.Sequence, error), data string, err error) {
	if d.texts == nil {
		return func(i int) (lm.Sequence, error) {
			return lm.Sequence{Tokens: clipTokens(d.encode(tok, i, cfg.EOS), cfg.Positions+1), From: 1}, nil
		}, digestOf(d.recipe, string(tok.JSON()), fmt.Sprint(cfg.Positions)), nil
	}
	seqs := textSequences(tok, d.texts, cfg)
	if len(seqs) == 0 {
		return nil, "", errors.New("--text: must have at least two tokens")
	}
	return shuffledEpochs(seqs, seed), digestOf(run.DataDigest(seqs), fmt.Sprint(seed)), nil
}

// documents opens the text file or the generated corpus.
func (o pretrainOptions) documents(ctx context.Context, g *globalOptions) (documents, error) {
	if o.Text != "" {
		texts, err := readTexts(o.Text)
		return documents{at: func(i int) (string, string) { return "", texts[i%len(texts)] }, texts: texts}, err
	}
	opt := o.Corpus
	if o.BaseRate != ofRecipe {
		rates := map[string]float64{}
		for name := range opt.BaseRate {
			rates[name] = o.BaseRate
		}
		opt.BaseRate = rates
	}
	c, err := g.logCache()
	if err != nil {
		return documents{}, err
	}
	e, err := embed.Open(o.Embedder, embed.Options{Cache: c, Warn: g.warn})
	if err != nil {
		return documents{}, inputError(err)
	}
	sim, err := corpus.Cosine(ctx, e)
	if err != nil {
		return documents{}, err
	}
	gen, err := corpus.New(opt, sim)
	if err != nil {
		return documents{}, inputError(err)
	}
	return documents{recipe: fmt.Sprintf("%+v %+v", opt, e.Identity()), at: func(i int) (string, string) {
		d := gen.Document(i)
		return d.Prompt, d.Answer
	}}, nil
}

// vocabularyDocuments is how many documents the vocabulary is learned from.
const vocabularyDocuments = 20_000

// vocabulary trains the byte-level BPE vocabulary on the first documents.
func (o pretrainOptions) vocabulary(docs documents) (*tokenizer.Tokenizer, error) {
	var texts []string
	for i := range min(vocabularyDocuments, o.Train.Steps*o.Train.Batch) {
		prompt, answer := docs.at(i)
		texts = append(texts, prompt, answer)
	}
	tok, err := tokenizer.TrainBPE(texts, o.Vocab, []string{endOfText})
	if err != nil {
		return nil, fmt.Errorf("--vocab: %w", err)
	}
	return tok, nil
}
