"""Stores inverse frequencies, cosines and sines of rotary positions as transformers computes them, in both spellings of config.json."""
import json
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
CASES = {
    # name: (keys of config.json, positions of the sequence)
    "nothing said": ({}, 8),
    "theta": ({"rope_theta": 500000.0, "rope_scaling": None}, 8),
    "parameters": ({"rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}, 8),
    "linear, of before": ({"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}}, 8),
    "linear": ({"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}}, 8),
    "dynamic, short": ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, 8),
    "dynamic, long": ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, 96),
    "llama3, of before": ({"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", **LLAMA3}}, 8),
    "llama3": ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3, "factor": 32.0}}, 8),
    "both spellings": ({"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
                        "rope_scaling": {"rope_type": "linear", "factor": 8.0}}, 8),
}


def main(path):
    stored = []
    for name, (keys, tokens) in CASES.items():
        config = LlamaConfig(hidden_size=64, num_attention_heads=4, head_dim=32, max_position_embeddings=48, **json.loads(json.dumps(keys)))
        module = LlamaRotaryEmbedding(config)
        cos, sin = module(torch.zeros(1), torch.arange(tokens)[None])
        half = cos.shape[-1] // 2
        last = [round(x, 7) for x in cos[0, -1, :half].tolist()], [round(x, 7) for x in sin[0, -1, :half].tolist()]
        stored.append({"name": name, "keys": keys, "tokens": tokens, "inverse_frequencies": module.inv_freq.tolist(),
                       "cosine_of_last": last[0], "sine_of_last": last[1]})
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in stored) + "\n]\n")


main(Path(sys.argv[1]))
