"""Loads a folder that Microtune saved in transformers and compares logits.

rows.jsonl: one object per row, {"text": …, "text_pair": … (optional), "logits": [...]}; with a third argument --write
the logits that transformers computes are printed instead, one JSON list per line.
"""
import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def main(folder, rows_file, *flags):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_padding()
    model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    model.eval()
    worst = 0.0
    rows = [json.loads(line) for line in open(rows_file)]
    for row in rows:
        encoded = tokenizer(row["text"], row.get("text_pair"), truncation=True, max_length=128, return_tensors="pt")
        with torch.no_grad():
            logits = model(**encoded).logits[0]
        if "--write" in flags:
            print(json.dumps(logits.tolist()))
        else:
            worst = max(worst, (logits - torch.tensor(row["logits"])).abs().max().item())
    if "--write" not in flags:
        print(f"{len(rows)} rows, largest difference of a logit {worst:.2e}")
        sys.exit(0 if worst <= 1e-4 else 1)


main(*sys.argv[1:])
