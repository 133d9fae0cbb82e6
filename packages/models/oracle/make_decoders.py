"""Stores what transformers computes for tiny random decoders: logits, loss, tokens predicted right, gradients of the loss sum."""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM, AutoModelForSequenceClassification, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config,
)

ROWS, TOKENS, VOCABULARY = 3, 9, 40
SIZES = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=32, initializer_range=0.25, pad_token_id=0, bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
GPT2 = dict(vocab_size=VOCABULARY, n_positions=32, n_embd=16, n_layer=2, n_head=4, initializer_range=0.25, pad_token_id=0, bos_token_id=1,
            eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
CASES = {
    # name: (config, head); written as config.json of before transformers 5 where `OLD` has keys for it
    "llama": (LlamaConfig(**SIZES), "causal-lm"),
    # The token that ends a turn is the pad token, as in many chat models: transformers gives its embedding no gradient.
    "llama-tied": (LlamaConfig(**{**SIZES, "pad_token_id": 2}, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
                               rope_parameters={"rope_theta": 10000.0, **LLAMA3}), "causal-lm"),
    "llama-classification": (LlamaConfig(**SIZES, num_labels=3), "classification"),
    "mistral": (MistralConfig(**{**SIZES, "num_attention_heads": 2, "num_key_value_heads": 1}, head_dim=6, sliding_window=4), "causal-lm"),
    "qwen2": (Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=3, max_window_layers=1, tie_word_embeddings=True), "causal-lm"),
    "qwen3": (Qwen3Config(**SIZES, head_dim=8), "causal-lm"),
    "gpt2": (GPT2Config(**GPT2), "causal-lm"),
    "gpt2-classification": (GPT2Config(**GPT2, n_inner=20, scale_attn_by_inverse_layer_idx=True, num_labels=3), "classification"),
}
OLD = {
    "llama-tied": {"rope_theta": 10000.0, "rope_scaling": LLAMA3},
    "qwen2": {"rope_theta": 10000.0, "rope_scaling": None},
}


def random_model(config, head):
    kind = AutoModelForCausalLM if head == "causal-lm" else AutoModelForSequenceClassification
    model = kind.from_config(config, attn_implementation="eager").eval()
    for parameter in model.parameters():  # biases and norms away from 0 and 1, so that their gradients are tested
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def as_before(folder, keys):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"], config["dtype"]
    config.pop("layer_types", None)
    path.write_text(json.dumps({**config, **keys, "torch_dtype": "float32"}, indent=2) + "\n")


def rounded(tensor):
    return [[round(value, 6) for value in row] for row in tensor.tolist()]


def store(folder, config, head):
    folder.mkdir(parents=True, exist_ok=True)
    model = random_model(config, head)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if folder.name in OLD:
        as_before(folder, OLD[folder.name])
    lengths = torch.tensor([TOKENS, 5, 7])
    mask = (torch.arange(TOKENS)[None] < lengths[:, None]).long()
    ids = torch.randint(3, VOCABULARY, (ROWS, TOKENS)) * mask
    ids[0, 3] = ids[2, 4] = 2
    logits = model(input_ids=ids, attention_mask=mask).logits
    if head == "causal-lm":
        labels = torch.where((mask == 1) & (torch.arange(TOKENS)[None] >= 2), ids, -100)  # the first two tokens are a prompt
        ahead, scores = labels[:, 1:].reshape(-1), logits[:, :-1].reshape(-1, VOCABULARY)
        shown = logits[mask == 1]
    else:
        labels = torch.randint(0, config.num_labels, (ROWS,))
        ahead, scores, shown = labels, logits, logits
    loss = torch.nn.functional.cross_entropy(scores, ahead, ignore_index=-100, reduction="sum")
    loss.backward()
    correct = int(((scores.argmax(-1) == ahead) & (ahead != -100)).sum())
    save_file({n: p.grad.contiguous() for n, p in model.named_parameters()}, folder / "gradients.safetensors")
    (folder / "expected.json").write_text(json.dumps({
        "head": head, "input_ids": [row[:n].tolist() for row, n in zip(ids, lengths)],
        "labels": [row[:n].tolist() for row, n in zip(labels, lengths)] if head == "causal-lm" else labels.tolist(),
        "logits": rounded(shown), "loss_sum": loss.item(), "correct": correct,
    }) + "\n")


def main(root):
    torch.set_num_threads(1)
    for seed, (name, case) in enumerate(CASES.items()):
        torch.manual_seed(20261128 + seed)
        store(root / name, *case)


main(Path(sys.argv[1]))
