"""Stores logits and gradient norm of the real MiniLM for four inputs; the head's weights come from a formula."""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertForSequenceClassification

TEXTS = [
    ("a gripping film, warm and funny.", None),
    ("The plot is thin; the acting is worse.", None),
    ("Is it raining in Oslo?", "Yes, it has been raining there since noon."),
    ("ok", None),
]
LABELS = [1, 0, 1, 0]


def main(model_folder, fixtures):
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokenizer.backend_tokenizer.no_padding()
    encoded = [tokenizer(a, b) for a, b in TEXTS]
    batch = dict(tokenizer.pad(encoded, return_tensors="pt"))
    model = BertForSequenceClassification.from_pretrained(model_folder, num_labels=2, attn_implementation="eager").eval()
    rows, columns = torch.meshgrid(torch.arange(2.0), torch.arange(384.0), indexing="ij")
    model.classifier.weight.data = 0.05 * torch.sin(rows * 384 + columns)
    model.classifier.bias.data.zero_()
    logits = model(**batch).logits
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS), reduction="sum")
    loss.backward()
    norms = {n: p.grad.norm().item() for n, p in model.named_parameters()}
    stored = {**{n: t.tolist() for n, t in batch.items()}, "labels": LABELS, "logits": logits.tolist(),
              "loss_sum": loss.item(), "gradient_norms": norms}
    (Path(fixtures) / "minilm.json").write_text(json.dumps(stored))


main(*sys.argv[1:])
