"""Learning rates of transformers' get_scheduler, the oracle of schedule.test.ts.

Run with torch and transformers installed: python schedules.py > schedules.json
"""
import json
import math

import torch
from transformers import get_scheduler

CASES = [
    dict(type="linear", lr=5e-5, total=10, warmup=0, kwargs={}),
    dict(type="linear", lr=3e-4, total=20, warmup=5, kwargs={}),
    dict(type="linear", lr=5e-5, total=217, warmup=0.1, kwargs={}),
    dict(type="constant", lr=1e-3, total=8, warmup=3, kwargs={}),
    dict(type="constant_with_warmup", lr=1e-3, total=8, warmup=3, kwargs={}),
    dict(type="cosine", lr=2e-5, total=25, warmup=4, kwargs={}),
    dict(type="cosine", lr=2e-5, total=25, warmup=0, kwargs={"num_cycles": 1.5}),
    dict(type="polynomial", lr=5e-5, total=12, warmup=2, kwargs={}),
    dict(type="polynomial", lr=1e-4, total=16, warmup=0.25, kwargs={"lr_end": 1e-6, "power": 2.0}),
]

out = []
for case in CASES:
    total, warmup = case["total"], case["warmup"]
    steps = int(warmup) if warmup >= 1 else math.ceil(total * warmup)  # TrainingArguments.get_warmup_steps
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=case["lr"])
    scheduler = get_scheduler(case["type"], optimizer, steps, total, case["kwargs"])
    rates = []
    for _ in range(total):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    out.append({**case, "rates": rates})
print(json.dumps(out, indent=1))
