"""Models of transformers with random weights: GPT-2, or a Llama where a shape has key and value heads of its own."""

from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

POSITIONS = 1024


def make(job):
    """The model of a shape. The last token of the vocabulary ends a text and pads."""
    special = dict(vocab_size=job.vocab, bos_token_id=job.vocab - 1, eos_token_id=job.vocab - 1, pad_token_id=job.vocab - 1)
    if not job.kv_heads:
        return GPT2LMHeadModel(GPT2Config(n_layer=job.layers, n_embd=job.width, n_head=job.heads, n_positions=POSITIONS, **special))
    return LlamaForCausalLM(
        LlamaConfig(
            num_hidden_layers=job.layers,
            hidden_size=job.width,
            intermediate_size=job.ff,
            num_attention_heads=job.heads,
            num_key_value_heads=job.kv_heads,
            max_position_embeddings=POSITIONS,
            tie_word_embeddings=True,
            **special,
        )
    )


def prompts(job, count, random):
    """Prompts that share all but their last own_tokens tokens, as lists of ids; the token that ends a text is not among them."""
    shared = [i % (job.vocab - 1) for i in range(job.prompt - job.own_tokens)]
    return [shared + [random.randrange(job.vocab - 1) for _ in range(job.own_tokens)] for _ in range(count)]
