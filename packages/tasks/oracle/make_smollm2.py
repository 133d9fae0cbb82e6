#!/usr/bin/env python3
"""Token ids and counted tokens of gsm8k's test questions as chats of SmolLM2-135M-Instruct, by transformers: a hash of all of them,
and the numbers of each of the first rows. The questions and answers themselves are not kept.

  python make_smollm2.py MODEL_DIR gsm8k/test.jsonl        writes smollm2.json beside itself
"""
import hashlib, json, os, struct, sys
from transformers import AutoTokenizer

tok = AutoTokenizer.from_pretrained(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
digest, rows = hashlib.sha256(), []
for line in list(open(sys.argv[2], encoding="utf-8"))[:200]:
    r = json.loads(line)
    user = [{"role": "user", "content": r["question"]}]
    ids = list(tok.apply_chat_template(user + [{"role": "assistant", "content": r["answer"]}], tokenize=True, return_dict=True)["input_ids"])
    given = tok(tok.apply_chat_template(user, add_generation_prompt=True, tokenize=False), add_special_tokens=False).input_ids
    learned = tok(r["answer"] + "<|im_end|>", add_special_tokens=False).input_ids
    assert ids[:len(given) + len(learned)] == given + learned
    mask = [0] * len(given) + [1] * len(learned) + [0] * (len(ids) - len(given) - len(learned))
    digest.update(struct.pack(f"<{len(ids)}i", *ids) + bytes(mask))
    rows.append([len(ids), len(learned)])
report = {"rows": len(rows), "tokens": sum(a for a, _ in rows), "counted": sum(b for _, b in rows), "lengths": rows[:20], "sha256": digest.hexdigest()}
with open(os.path.join(here, "smollm2.json"), "w", encoding="utf-8") as f:
    json.dump(report, f)
    f.write("\n")
print(report["tokens"], report["counted"])
