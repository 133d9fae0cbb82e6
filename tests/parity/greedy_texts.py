"""What the real libraries say with a language model of ours: its adapter in PEFT, and merged into its base model in transformers.

greedy_texts.py ADAPTER_FOLDER MERGED_FOLDER [--tokens N] < PROMPTS    one prompt a line; prints a JSON line for each, and a last one
for all: the texts (greedy), whether they are the same, and the largest difference of the logits of the prompts, both computed in
float32. A merged model is rounded once to the type of its base, an adapter's base is not.
"""
import argparse
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

arguments = argparse.ArgumentParser()
arguments.add_argument("adapter")
arguments.add_argument("merged")
arguments.add_argument("--tokens", type=int, default=40)
options = arguments.parse_args()

base = json.load(open(f"{options.adapter}/adapter_config.json"))["base_model_name_or_path"]
tokenizer = AutoTokenizer.from_pretrained(options.adapter)
plain, loading = AutoModelForCausalLM.from_pretrained(options.merged, output_loading_info=True, dtype=torch.float32)
odd = {key: sorted(map(str, names)) for key, names in loading.items() if names}
assert not odd, f"{options.merged}: {odd}"
adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), options.adapter)


def greedy(model, encoded):
    out = model.generate(**encoded, do_sample=False, max_new_tokens=options.tokens)
    return tokenizer.decode(out[0, encoded["input_ids"].shape[1]:], skip_special_tokens=True)


same, most = True, 0.0
for line in sys.stdin.read().splitlines():
    chat = [{"role": "user", "content": line}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) if tokenizer.chat_template else line
    encoded = tokenizer(text, return_tensors="pt", add_special_tokens=not tokenizer.chat_template)
    with torch.no_grad():
        logits = [model(**encoded).logits for model in (adapted, plain)]
        texts = [greedy(model, encoded) for model in (adapted, plain)]
    difference = float((logits[0] - logits[1]).abs().max())
    same, most = same and texts[0] == texts[1], max(most, difference)
    print(json.dumps(dict(prompt=line, adapter=texts[0], merged=texts[1], same=texts[0] == texts[1], logits=difference)))
print(json.dumps(dict(same=same, logits=most)))
