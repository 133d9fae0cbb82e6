"""Metrics by scikit-learn, scipy and torch, the oracle of metrics.test.ts.

Run with torch, scikit-learn and scipy installed: python metrics.py > metrics.json
"""
import json

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, mean_squared_error

rng = np.random.default_rng(7)


def classification(name, classes, rows, smoothing=0.0, constant=None, absent=None):
    labels = rng.integers(0, classes, rows)
    if absent is not None:
        labels[labels == absent] = 0
    logits = rng.normal(size=(rows, classes)).astype(np.float32)
    logits[np.arange(rows), labels] += 0.8
    if constant is not None:
        logits[:, constant] += 100
    if absent is not None:
        logits[:, absent] -= 100
    predicted = logits.argmax(-1)
    loss = torch.nn.functional.cross_entropy(
        torch.tensor(logits, dtype=torch.float64), torch.tensor(labels), label_smoothing=smoothing
    ).item()
    metrics = {
        "loss": loss,
        "accuracy": accuracy_score(labels, predicted),
        "f1_macro": f1_score(labels, predicted, average="macro", zero_division=0),
        "matthews_correlation": matthews_corrcoef(labels, predicted),
    }
    if classes == 2:
        metrics["f1"] = f1_score(labels, predicted, zero_division=0)
    return dict(name=name, classes=classes, smoothing=smoothing, labels=labels.tolist(),
                logits=logits.astype(float).ravel().tolist(), metrics=metrics)


def regression(name, rows, ties):
    labels = rng.normal(size=rows)
    logits = labels * 0.7 + rng.normal(size=rows)
    if ties:
        labels, logits = np.round(labels), np.round(logits)
    labels, logits = labels.astype(np.float32).astype(float), logits.astype(np.float32).astype(float)
    metrics = {
        "loss": mean_squared_error(labels, logits),
        "mse": mean_squared_error(labels, logits),
        "pearson": pearsonr(labels, logits)[0],
        "spearmanr": spearmanr(labels, logits)[0],
    }
    return dict(name=name, classes=1, smoothing=0.0, labels=labels.tolist(), logits=logits.tolist(), metrics=metrics)


print(json.dumps([
    classification("binary", 2, 40),
    classification("binary with label smoothing", 2, 12, smoothing=0.1),
    classification("binary, one class predicted", 2, 12, constant=0),
    classification("five classes", 5, 50),
    regression("regression", 30, ties=False),
    regression("regression with ties", 30, ties=True),
    classification("four classes, one of them absent", 4, 30, absent=2),
], indent=1))
