"""What the real transformers and PEFT make of folders, and adapters of PEFT's own. Reads a list of tasks as JSON, prints a list of answers.

{"logits": FOLDER, "ids": [[...], ...]}   logits of a PEFT adapter on its base model, or of a plain model, of each list of token ids
{"make": FOLDER, "base": FOLDER, "config": {...}}   writes an adapter whose numbers are random; `config` as LoraConfig or IA3Config takes it
"""
import json
import os
import sys

import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification


def plain_model(folder, is_language):
    kind = AutoModelForCausalLM if is_language else AutoModelForSequenceClassification
    model, loading = kind.from_pretrained(folder, output_loading_info=True)
    return model, loading


def whole_model(folder):
    """Nothing of it may be missing or left over."""
    is_language = json.load(open(f"{folder}/config.json"))["architectures"][0].endswith(("ForCausalLM", "LMHeadModel"))
    model, loading = plain_model(folder, is_language)
    odd = {key: sorted(map(str, names)) for key, names in loading.items() if names}
    assert not odd, f"{folder}: {odd}"
    return model


def adapted_model(folder):
    config = json.load(open(f"{folder}/adapter_config.json"))
    base, _ = plain_model(config["base_model_name_or_path"], config["task_type"] == "CAUSAL_LM")
    return PeftModel.from_pretrained(base, folder)


def logits(task):
    folder = task["logits"]
    model = (adapted_model if os.path.exists(f"{folder}/adapter_config.json") else whole_model)(folder).eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].tolist() if task.get("language")
                else model(input_ids=torch.tensor([ids])).logits[0].tolist() for ids in task["ids"]]


def make(task):
    torch.manual_seed(5)
    keys = dict(task["config"])
    config = {"LORA": LoraConfig, "IA3": IA3Config}[keys.pop("peft_type")](**keys)
    base, _ = plain_model(task["base"], config.task_type == "CAUSAL_LM")
    model = get_peft_model(base, config)
    for name, values in model.named_parameters():
        if any(part in name for part in ("lora_B", "ia3_l", "magnitude", "modules_to_save")):
            values.data += 0.1 * torch.randn_like(values)
    model.save_pretrained(task["make"])


tasks = json.load(sys.stdin)
print(json.dumps([logits(task) if "logits" in task else make(task) for task in tasks]))
