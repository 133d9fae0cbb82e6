"""Stores what transformers computes for texts that hold the pad token's id inside: a classifier reads the last token all the same.

make_last_token.py FIXTURES/decoders/llama-classification
"""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification

folder = Path(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
pad = model.config.pad_token_id
samples = [[5, pad, 7, 9], [8, pad, pad, 3], [6, 4]]
with torch.no_grad():
    logits = [model(input_ids=torch.tensor([ids])).logits[0].tolist() for ids in samples]
(folder / "pad-inside.json").write_text(json.dumps({"input_ids": samples, "logits": logits}) + "\n")
