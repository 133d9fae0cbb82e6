"""Stores what transformers continues prompts with, taking the likeliest token: `make_greedy.py FOLDER OUT.json [--chats]`.

Without --chats: of each folder below FOLDER that holds a language model (the tiny decoders of models/oracle), some lists of tokens.
With it: of the chat model in FOLDER, 50 questions through its chat template.
"""
import argparse
import json
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

NEW = 20
WORDS = ["water", "iron", "music", "trains", "bread", "the moon", "sleep", "rain", "numbers", "trees"]
QUESTIONS = ["What is {}?", "Write one sentence about {}.", "Why do people like {}?", "Name two things that go with {}.", "Is {} older than writing?"]


def continued(model, ids, end):
    out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=NEW, do_sample=False,
                         eos_token_id=end, pad_token_id=0)
    return [token for token in out[0, len(ids):].tolist() if token != end]


def tiny(root):
    cases = {}
    for folder in sorted(path for path in root.iterdir() if (path / "config.json").exists()):
        if not AutoConfig.from_pretrained(folder).architectures[0].endswith(("CausalLM", "LMHeadModel")):
            continue
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        prompts = [torch.randint(3, model.config.vocab_size, (length,)).tolist() for length in (1, 2, 5, 9, 12)]
        cases[folder.name] = [{"prompt": ids, "tokens": continued(model, ids, None)} for ids in prompts]
    return cases


def chats(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    cases = []
    for text in [question.format(word) for question in QUESTIONS for word in WORDS]:
        written = tokenizer.apply_chat_template([{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(written, add_special_tokens=False).input_ids
        tokens = continued(model, ids, model.generation_config.eos_token_id)
        cases.append({"prompt": text, "prompt_tokens": len(ids), "new_tokens": len(tokens), "text": tokenizer.decode(tokens, skip_special_tokens=True)})
    return cases


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path), parser.add_argument("out", type=Path), parser.add_argument("--chats", action="store_true")
    given = parser.parse_args()
    torch.set_grad_enabled(False), torch.set_num_threads(2)
    made = chats(given.folder) if given.chats else tiny(given.folder)
    given.out.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n")
