#!/usr/bin/env python3
"""Reference numbers for the AdamW kernel: three steps of torch.optim.AdamW (foreach and fused off) on ten values.

  python3 packages/arena/oracle/adamw.py > packages/arena/oracle/adamw.json
"""
import json
import torch

settings = dict(lr=3e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05)
generator = torch.Generator().manual_seed(7)
parameter = torch.nn.Parameter(torch.randn(10, generator=generator))
optimizer = torch.optim.AdamW([parameter], foreach=False, fused=False, **settings)
start, steps = parameter.detach().clone(), []
for _ in range(3):
    parameter.grad = torch.randn(10, generator=generator) * torch.logspace(-6, 2, 10)
    optimizer.step()
    state = optimizer.state[parameter]
    steps.append({
        "gradient": parameter.grad.tolist(),
        "parameter": parameter.tolist(),
        "m": state["exp_avg"].tolist(),
        "v": state["exp_avg_sq"].tolist(),
    })
print(json.dumps({"torch": torch.__version__, "settings": settings, "start": start.tolist(), "steps": steps}, indent=1))
