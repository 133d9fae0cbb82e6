"""Loads an adapter with PEFT over its base model and prints the logits of texts: peft_answers.py ADAPTER_FOLDER < TEXTS"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = sys.argv[1]
base = json.load(open(f"{folder}/adapter_config.json"))["base_model_name_or_path"]
model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2)
model = PeftModel.from_pretrained(model, folder).eval()
tokenizer = AutoTokenizer.from_pretrained(base)
with torch.no_grad():
    for text in sys.stdin.read().splitlines():
        print(json.dumps(model(**tokenizer(text, return_tensors="pt")).logits[0].tolist()))
