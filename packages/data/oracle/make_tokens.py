#!/usr/bin/env python3
"""Expected token ids from transformers, for text-tokenizer.test.ts.

  python make_tokens.py MODEL_FOLDER > tokens.json     (transformers 5.23)

Texts are encoded as fine-tuning scripts do: truncation=True (pairs: longest first), no padding.
"""
import json
import sys

from transformers import AutoTokenizer

TEXTS = [
    ["a stirring , funny and finally transporting re imagining of beauty and the beast"],
    [""],
    ["   spaces \t tabs \n and\u00a0others  "],
    ["Café naïve ÀÉÎõü — “quotes” … ½ ﬁ"],
    ["中文字符 mixed with English, и кириллица, العربية"],
    ["emoji 😀👍🏽 and \u200d joiners, control \u0007 chars \ufffd"],
    ["don't can't won't it's 1,234.56 $9.99 http://example.com/a?b=c [SEP] [MASK]"],
    ["supercalifragilisticexpialidocious " + "x" * 120],
    [" ".join(f"word{i}" for i in range(300))],
    ["a short premise", "a hypothesis"],
    ["", "second only"],
    [" ".join(["long"] * 40), " ".join(["tail"] * 9)],
    [" ".join(["short"] * 5), " ".join(["second"] * 90)],
    [" ".join(["both"] * 80), " ".join(["sides"] * 81)],
]
LENGTHS = [16, 33, 128, 512]


def main():
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    cases = []
    for length in LENGTHS:
        for text in TEXTS:
            out = tokenizer(*text, truncation=True, max_length=length)
            cases.append({
                "maxSeqLength": length,
                "text": text,
                "ids": out["input_ids"],
                "typeIds": out.get("token_type_ids", [0] * len(out["input_ids"])),
            })
    # One case a line: small, and a change is seen in a diff.
    lines = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    print(f"[\n{lines}\n]")


if __name__ == "__main__":
    main()
