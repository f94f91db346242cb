"""Writes chat/: a tiny random Qwen2 with a chat template, and what transformers
makes of prompts with it and with the templates of tokenizer/chat/testdata.

python chat.py    (transformers 5.23, tokenizers, torch)
"""
import glob, json, os, torch
from tokenizers import Tokenizer, models, pre_tokenizers, decoders, trainers, processors
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "chat")
specials = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>",
            "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]"]
tok = Tokenizer(models.BPE())
tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tok.decoder = decoders.ByteLevel()
texts = ["Mix the two colors and output only one lowercase color name: red and blue is => purple", "The opposite of 'hot' is cold. user assistant system"] * 20
tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=330, special_tokens=specials, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
# a post-processor that adds BOS: chat templates must not get it twice
tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", tok.token_to_id("<s>"))])
with open(os.path.join(here, "..", "..", "tokenizer", "chat", "testdata", "templates", "qwen25.jinja"), encoding="utf-8") as f:
    template = f.read()
fast = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", eos_token="<|im_end|>", pad_token="</s>", chat_template=template)
fast.save_pretrained(out)
fast = AutoTokenizer.from_pretrained(out)

torch.manual_seed(11)
ids = {t: tok.token_to_id(t) for t in specials}
cfg = Qwen2Config(vocab_size=tok.get_vocab_size(), hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                  max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=ids["<s>"], eos_token_id=[ids["</s>"], ids["<|im_end|>"]], initializer_range=0.5)
model = Qwen2ForCausalLM(cfg).eval()
model.generation_config.eos_token_id = [ids["</s>"], ids["<|im_end|>"]]
model.save_pretrained(out)
for name in os.listdir(out):
    if name not in ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "golden.json"):
        os.remove(os.path.join(out, name))

prompts = ["The opposite of 'hot' is ", "Mix the two colors: red and blue is => ", "<|im_end|> </s> é \U0001f600", "", "  two\n\nlines "]
cases = []
paths = sorted(glob.glob(os.path.join(here, "..", "..", "tokenizer", "chat", "testdata", "templates", "*.jinja")))
for path in paths:
    with open(path, encoding="utf-8") as f:
        source = f.read()
    if "strftime_now" in source:
        continue
    for system in ("", "Answer with one word."):
        for prompt in prompts:
            messages = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": prompt}]
            case = {"template": os.path.basename(path), "system": system, "prompt": prompt}
            try:
                case["ids"] = fast.apply_chat_template(messages, chat_template=source, add_generation_prompt=True, tokenize=True)["input_ids"]
            except Exception as e:
                case["error"] = str(e)
            cases.append(case)

answers = []
for prompt in prompts:
    x = fast.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt")
    y = model.generate(**x, max_new_tokens=12, do_sample=False, pad_token_id=ids["</s>"])[0, x["input_ids"].shape[1]:].tolist()
    answers.append({"prompt": prompt, "ids": x["input_ids"][0].tolist(), "answer": y, "text": fast.decode(y, skip_special_tokens=True)})

# perplexity with a stride, as in transformers' documentation, but counting each token once
text = " ".join(texts[:6])
enc = fast(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
perplexity = []
for context, stride in ((64, 32), (64, 64), (50, 7), (256, 128), (16, 1)):
    nll, n, prev = 0.0, 0, 0
    for begin in range(0, enc.shape[1], stride):
        end = min(begin + context, enc.shape[1])
        x = enc[:, begin:end]
        with torch.no_grad():
            logp = torch.log_softmax(model(x).logits[0].double(), -1)
        for i in range(max(prev, begin + 1), end):
            nll -= logp[i - begin - 1, enc[0, i]].item()
            n += 1
        prev = end
        if end == enc.shape[1]:
            break
    # the loop of transformers' documentation: means of windows, weighted by their tokens
    nll_doc, n_doc, prev = 0.0, 0, 0
    for begin in range(0, enc.shape[1], stride):
        end = min(begin + context, enc.shape[1])
        target = enc[:, begin:end].clone()
        target[:, : -(end - prev)] = -100
        with torch.no_grad():
            loss = model(enc[:, begin:end], labels=target).loss
        valid = (target != -100).sum().item() - target.size(0)
        if valid > 0:
            nll_doc += loss.double().item() * valid
            n_doc += valid
        prev = end
        if end == enc.shape[1]:
            break
    perplexity.append({"context": context, "stride": stride, "perplexity": torch.tensor(nll / n).exp().item(), "tokens": n, "documentation": torch.tensor(nll_doc / n_doc).exp().item()})
with open(os.path.join(out, "golden.json"), "w") as f:
    json.dump({"cases": cases, "answers": answers, "text": text, "perplexity": perplexity}, f, indent=0)
print(perplexity, [a["text"] for a in answers])
