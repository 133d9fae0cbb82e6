#!/usr/bin/env python3
"""What transformers' LogitsProcessors make of rows of logits, for sampling.test.ts: writes sampling.json beside itself.

  pip install transformers torch && python make_sampling.py
"""
import json, os
import torch
from transformers import RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

torch.manual_seed(7)
rows = {
    "normal": torch.randn(40) * 3,
    "flat": torch.zeros(12),
    "with ties": torch.tensor([1.0, 3.0, 3.0, -2.0, 3.0, 0.5, 0.5, -1.0]),
    "one sure": torch.tensor([-20.0, 30.0, -20.0, -20.0]),
    "negative": -torch.rand(16) * 8 - 1,
}
settings = [
    {}, {"temperature": 0.7}, {"temperature": 1.8}, {"topK": 1}, {"topK": 3}, {"topK": 500}, {"topP": 0.9}, {"topP": 0.5}, {"topP": 0.05},
    {"repetitionPenalty": 1.3}, {"repetitionPenalty": 0.8}, {"temperature": 0.6, "topK": 5, "topP": 0.8, "repetitionPenalty": 1.2},
]
cases = []
for name, logits in rows.items():
    n = len(logits)
    said = [1, 3 % n, 1, n - 1]
    for s in settings:
        scores, ids = logits.clone().float()[None], torch.tensor([said])
        # In the order in which generate() applies them.
        if "repetitionPenalty" in s:
            scores = RepetitionPenaltyLogitsProcessor(s["repetitionPenalty"])(ids, scores)
        if "temperature" in s:
            scores = TemperatureLogitsWarper(s["temperature"])(ids, scores)
        if "topK" in s:
            scores = TopKLogitsWarper(s["topK"])(ids, scores)
        if "topP" in s:
            scores = TopPLogitsWarper(s["topP"])(ids, scores)
        cases.append({"row": name, "settings": s, "said": said, "probabilities": torch.softmax(scores.double(), -1)[0].tolist()})
out = {"rows": {k: v.tolist() for k, v in rows.items()}, "cases": cases}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sampling.json"), "w") as f:
    json.dump(out, f)
    f.write("\n")
print(len(cases))
