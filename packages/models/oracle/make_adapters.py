"""Stores what PEFT computes for adapters on the stored tiny models: logits, loss and gradients, and losses of 20 steps.

make_adapters.py FIXTURES
"""
import json
import sys
from pathlib import Path

import torch
from peft import IA3Config, LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

STEPS, DECAY, RATIO = 20, 0.05, 4.0
CASES = {
    # name: (base, config, learning rate, LoRA+)
    "bert-options": ("pair", LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, use_rslora=True, target_modules=["query", "value", "dense"],
                                        exclude_modules=["intermediate.dense", "pooler.dense"], layers_to_transform=[1],
                                        rank_pattern={"self.query": 2}, alpha_pattern={r"layer\.\d+\.output\.dense": 3}), 1e-2, False),
    "bert-pattern": ("pair", LoraConfig(task_type="SEQ_CLS", r=2, target_modules=r".*layer\.[01]\..*\.(key|dense)",
                                        modules_to_save=["pooler"]), 1e-2, True),
    "bert-dora": ("pair", LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=8, use_dora=True), 1e-2, False),
    "bert-ia3": ("pair", IA3Config(task_type="SEQ_CLS"), 1e-2, False),
    "gpt2-dora": ("decoders/gpt2", LoraConfig(task_type="CAUSAL_LM", r=3, use_dora=True, fan_in_fan_out=True,
                                              target_modules=["c_attn", "c_proj"]), 1e-2, True),
    "gpt2-ia3": ("decoders/gpt2", IA3Config(task_type="CAUSAL_LM", fan_in_fan_out=True), 1e-2, False),
    "llama-all": ("decoders/llama", LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=16, target_modules="all-linear",
                                               modules_to_save=["embed_tokens"]), 1e-2, True),
    "llama-score": ("decoders/llama-classification", LoraConfig(task_type="SEQ_CLS", r=4), 1e-2, False),
    "mistral-ia3": ("decoders/mistral", IA3Config(task_type="CAUSAL_LM"), 1e-2, False),
    "qwen2-dora": ("decoders/qwen2", LoraConfig(task_type="CAUSAL_LM", r=4, use_dora=True), 1e-2, False),
    "qwen3-ia3": ("decoders/qwen3", IA3Config(task_type="CAUSAL_LM"), 1e-2, False),
}


def batch_of(stored):
    if "attention_mask" in stored:
        keys = ("input_ids", "attention_mask", "token_type_ids")
        return {key: torch.tensor(stored[key]) for key in keys}, torch.tensor(stored["labels"])
    samples, labels = stored["input_ids"], stored["labels"]
    width = max(map(len, samples))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in samples])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in samples])
    if stored["head"] == "causal-lm":
        labels = [row + [-100] * (width - len(row)) for row in labels]
    return {"input_ids": ids, "attention_mask": mask}, torch.tensor(labels)


def file_name(name):
    return name.replace(".modules_to_save.default", "").replace(".default", "").replace("lora_magnitude_vector.weight", "lora_magnitude_vector")


def loss_sum(model, batch, labels):
    logits = model(**batch).logits
    scores, wanted = (logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1)) if labels.ndim == 2 else (logits, labels)
    return torch.nn.functional.cross_entropy(scores, wanted, ignore_index=-100, reduction="sum"), logits, int((wanted != -100).sum())


def optimizer_of(model, rate, plus):
    if plus:
        return create_loraplus_optimizer(model, torch.optim.AdamW, lr=rate, loraplus_lr_ratio=RATIO, loraplus_weight_decay=DECAY)
    trained = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [[each for name, each in trained if name.endswith("bias") == is_bias] for is_bias in (False, True)]
    return torch.optim.AdamW([{"params": groups[0], "weight_decay": DECAY}, {"params": groups[1], "weight_decay": 0.0}], lr=rate)


def store(fixtures, name, base, config, rate, plus):
    folder = fixtures / "adapters" / name
    kind = AutoModelForCausalLM if config.task_type == "CAUSAL_LM" else AutoModelForSequenceClassification
    model = get_peft_model(kind.from_pretrained(fixtures / base, attn_implementation="eager"), config).eval()
    for path, values in model.named_parameters():  # away from what changes nothing
        if any(part in path for part in ("lora_B", "ia3_l", "magnitude", "modules_to_save")):
            values.data += 0.2 * torch.randn_like(values)
    stored = json.loads((fixtures / base / "expected.json").read_text())
    batch, labels = batch_of(stored)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    written = json.loads(path.read_text())
    written["base_model_name_or_path"] = "../../" + base
    path.write_text(json.dumps({key: sorted(v) if key == "target_modules" and isinstance(v, list) else v for key, v in written.items()}, indent=2) + "\n")
    loss, logits, count = loss_sum(model, batch, labels)
    loss.backward()
    trained = {file_name(path): each for path, each in model.named_parameters() if each.requires_grad}
    save_file({path: each.grad.contiguous() for path, each in trained.items()}, folder / "gradients.safetensors")
    shown = logits[batch["attention_mask"] == 1] if labels.ndim == 2 else logits
    optimizer, losses = optimizer_of(model, rate, plus), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        each, _, _ = loss_sum(model, batch, labels)
        (each / count).backward()
        optimizer.step()
        losses.append(float(each.detach()) / count)
    expected = dict(base=base, loss_sum=float(loss.detach()), logits=[[round(x, 6) for x in row] for row in shown.tolist()],
                    training=dict(learning_rate=rate, weight_decay=DECAY, rate_ratio=RATIO if plus else 1, losses=losses))
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(name, len(trained), round(losses[0], 4), round(losses[-1], 4))


if __name__ == "__main__":
    torch.manual_seed(7)
    for name, case in CASES.items():
        store(Path(sys.argv[1]), name, *case)
