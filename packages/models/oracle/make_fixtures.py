"""Stores what transformers computes for tiny random BERTs: logits, gradients of the loss sum, and 20 training steps."""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

ROWS, TOKENS, VOCABULARY = 6, 12, 48
CASES = {
    # name: (labels, activation, pair, label smoothing factors)
    "classification": (3, "gelu", False, [0.0, 0.1]),
    "pair": (2, "gelu_new", True, [0.0]),
    "regression": (1, "relu", False, [0.0]),
}


def random_model(num_labels, activation):
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=24, hidden_act=activation, num_labels=num_labels, initializer_range=0.25,
        problem_type="regression" if num_labels == 1 else "single_label_classification",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model = BertForSequenceClassification._from_config(config, attn_implementation="eager")
    for parameter in model.parameters():  # biases and norms away from 0 and 1, so that their gradients are tested
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def random_batch(num_labels, pair):
    lengths = torch.randint(3, TOKENS + 1, (ROWS,))
    lengths[0] = TOKENS
    mask = (torch.arange(TOKENS)[None] < lengths[:, None]).long()
    ids = torch.randint(1, VOCABULARY, (ROWS, TOKENS)) * mask
    types = (torch.arange(TOKENS)[None] >= lengths[:, None] // 2).long() * mask if pair else torch.zeros_like(mask)
    labels = torch.randn(ROWS) if num_labels == 1 else torch.randint(0, num_labels, (ROWS,))
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}, labels


def loss_sum(logits, labels, smoothing):
    if logits.shape[1] == 1:
        return torch.nn.functional.mse_loss(logits.squeeze(1), labels, reduction="sum")
    return torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum")


def listed(batch, labels):
    return {**{name: tensor.tolist() for name, tensor in batch.items()}, "labels": labels.tolist()}


def store_case(folder, num_labels, activation, pair, smoothings):
    model = random_model(num_labels, activation).eval()
    model.save_pretrained(folder)
    batch, labels = random_batch(num_labels, pair)
    losses = []
    for smoothing in smoothings:
        model.zero_grad()
        logits = model(**batch).logits
        loss = loss_sum(logits, labels, smoothing)
        loss.backward()
        name = "gradients" if smoothing == 0 else f"gradients-smoothing-{smoothing}"
        save_file({n: p.grad.contiguous() for n, p in model.named_parameters()}, folder / f"{name}.safetensors")
        losses.append({"smoothing": smoothing, "loss_sum": loss.item(), "gradients": f"{name}.safetensors"})
    (folder / "expected.json").write_text(json.dumps({**listed(batch, labels), "logits": logits.tolist(), "losses": losses}))


def store_training(folder, steps=20, warmup=4, learning_rate=2e-3, weight_decay=0.05, max_norm=1.0):
    model = random_model(3, "gelu").train()
    model.save_pretrained(folder)
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup, steps)
    batches = [random_batch(3, True) for _ in range(4)]
    losses, norms, rates = [], [], []
    for step in range(steps):
        batch, labels = batches[step % len(batches)]
        rates.append(schedule.get_last_lr()[0])
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    (folder / "expected.json").write_text(json.dumps({
        "weight_decay": weight_decay, "max_norm": max_norm, "batches": [listed(*b) for b in batches],
        "learning_rates": rates, "losses": losses, "gradient_norms": norms,
    }))


def main(root):
    torch.manual_seed(20260401)
    torch.set_num_threads(1)
    for name, case in CASES.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        store_case(root / name, *case)
    store_training(root / "training")


main(Path(sys.argv[1]))
