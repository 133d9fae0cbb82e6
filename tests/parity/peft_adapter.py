"""What the real PEFT makes of an adapter's folder, and an adapter of its own.

peft_adapter.py answer ADAPTER_FOLDER < TEXTS      prints the logits of each text
peft_adapter.py make BASE_FOLDER ADAPTER_FOLDER    writes an adapter whose matrices are random
"""
import json
import sys

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def base_model(folder):
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)


def answer(folder):
    base = json.load(open(f"{folder}/adapter_config.json"))["base_model_name_or_path"]
    model = PeftModel.from_pretrained(base_model(base), folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(base)
    with torch.no_grad():
        for text in sys.stdin.read().splitlines():
            print(json.dumps(model(**tokenizer(text, return_tensors="pt")).logits[0].tolist()))


def make(base, folder):
    torch.manual_seed(5)
    config = LoraConfig(task_type=TaskType.SEQ_CLS, r=4, lora_alpha=16, target_modules="all-linear")
    model = get_peft_model(base_model(base), config)
    for name, values in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(values, std=0.2)
    model.save_pretrained(folder)


{"answer": answer, "make": make}[sys.argv[1]](*sys.argv[2:])
