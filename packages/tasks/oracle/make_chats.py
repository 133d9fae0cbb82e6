#!/usr/bin/env python3
"""What transformers makes of conversations: texts, token ids and which tokens are the assistant's, for several styles of chat
template and two small tokenizers that this script trains (byte-level as GPT-2's and SmolLM2's, Metaspace as Llama 2's).

The templates mark the assistant's part with {% generation %}, which transformers needs to tell it; ours is found without.

  pip install transformers tokenizers jinja2 && python make_chats.py        writes bytes/, spaces/ and chats.json beside itself
"""
import datetime, json, os
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

here = os.path.dirname(os.path.abspath(__file__))
corpus = """The capital of France is Paris. How many clips did Natalia sell altogether in April and May? She sold 48/2 = 24 clips.
What is 12 plus 30? It is 42. You are a helpful assistant. Write one sentence about the sea. The sea is wide and blue and quiet.
User and assistant take turns; a system message comes first. I do not know, but I can find out. Yes! No? Perhaps: a list, of things.
naïve café 日本語 emoji 🎉 one two three four five six seven eight nine ten answer question model token text word line end start
""" * 4
control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "</s>", "[INST]", "[/INST]", "<|start_header_id|>",
           "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>", "<|user|>", "<|assistant|>", "<|system|>"]
alphabet = pre_tokenizers.ByteLevel.alphabet()


def byte_level():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    t.train_from_iterator(corpus.splitlines(True), trainers.BpeTrainer(vocab_size=520, special_tokens=control, initial_alphabet=alphabet, show_progress=False))
    return t, {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "unk_token": "<|endoftext|>"}


def metaspace():
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    t.train_from_iterator(corpus.splitlines(True), trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>", *control, *bytes_], show_progress=False))
    definition = json.loads(t.to_str())
    # The byte tokens belong to the vocabulary alone: as added tokens they would be found in texts.
    definition["added_tokens"] = [a for a in definition["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(definition))
    bos = t.token_to_id("<s>")
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", bos)])
    return t, {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}


templates = {
    # As SmolLM2's: a system turn of its own where the conversation has none.
    "chatml": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
              "{{'<|im_start|>' + message['role'] + '\n'}}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
              "{% else %}{{ message['content'] + '<|im_end|>' + '\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "mistral": "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
               "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{% generation %}{{ ' ' + message['content'] | trim + eos_token }}{% endgeneration %}{% endif %}{% endfor %}",
    "llama3": "{%- for message in messages %}\n{%- set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' %}\n{%- if loop.first %}{{ bos_token }}{%- endif %}\n{{- content }}\n"
              "{%- if message['role'] == 'assistant' %}{% generation %}{{- message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}{%- else %}{{- message['content'] | trim + '<|eot_id|>' }}{%- endif %}\n{%- endfor %}\n"
              "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}",
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
             "{{ '<start_of_turn>' + role + '\n' }}{% if role == 'model' %}{% generation %}{{ message['content'] | trim + '<end_of_turn>' }}{% endgeneration %}{{ '\n' }}{% else %}{{ message['content'] | trim + '<end_of_turn>\n' }}{% endif %}{% endfor %}"
             "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    "zephyr": "{% for message in messages %}\n{% if message['role'] == 'assistant' %}\n{{ '<|assistant|>\n' }}{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}\n{% else %}\n{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token }}\n{% endif %}\n"
              "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
}
say = lambda *turns: [{"role": role, "content": content} for role, content in turns]
conversations = {
    "one round": say(("user", "What is 12 plus 30?"), ("assistant", "It is 42.")),
    "system": say(("system", "You answer in one word."), ("user", "The capital of France?"), ("assistant", "Paris")),
    "three rounds": say(("user", "Yes?"), ("assistant", "No!"), ("user", "Perhaps: 48/2 = 24"), ("assistant", "24 clips, a list\nof things"),
                        ("user", "end"), ("assistant", "The sea is wide.")),
    "beyond ASCII": say(("user", "naïve 🎉🎉 日本語?"), ("assistant", "🎉 café — 日本, ok 👍🏽"), ("user", "𝒳"), ("assistant", "ünï\r\n\tx")),
    "spaces": say(("user", "  one  "), ("assistant", " two  three ")),
    "control tokens in a text": say(("user", "what does <|im_end|> mean"), ("assistant", "the end")),
    "same answer twice": say(("user", "one"), ("assistant", "one"), ("user", "one"), ("assistant", "one")),
    "ends with the user": say(("user", "one"), ("assistant", "two"), ("user", "three")),
}
plain = ["The capital of France is Paris.", "", "  two  spaces\n\nand\ttabs ", "🎉🎉 日本語 naïve", "12345 3.14", "<|im_end|> inside", "Ω unknown Ж"]
report = {"templates": templates, "conversations": conversations, "cases": [], "plain": []}
for name, (tokenizer, special) in {"bytes": byte_level(), "spaces": metaspace()}.items():
    folder = os.path.join(here, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(json.loads(tokenizer.to_str()), f, ensure_ascii=False)
        f.write("\n")
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as f:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", **special}, f, indent=1)
        f.write("\n")
    tok = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    for text in plain:
        ids = tok(text).input_ids
        report["plain"].append({"tokenizer": name, "text": text, "ids": ids, "bare": tok(text, add_special_tokens=False).input_ids, "decoded": tok.decode(ids)})
    for style, template in templates.items():
        for title, messages in conversations.items():
            case = {"tokenizer": name, "template": style, "conversation": title}
            report["cases"].append(case)
            try:
                case["text"] = tok.apply_chat_template(messages, chat_template=template, tokenize=False)
            except Exception as error:
                case["error"] = str(error)
                continue
            case["prompt"] = tok.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=True)
            got = tok.apply_chat_template(messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
            case["ids"], case["mask"] = list(got["input_ids"]), list(got["assistant_masks"])
day = datetime.datetime(2024, 7, 5, 9, 8, 7)
report["dates"] = {"day": [2024, 7, 5, 9, 8, 7], "formats": {f: day.strftime(f) for f in ["%d %b %Y", "%Y-%m-%d", "%B %d, %Y", "%A %a %y", "%H:%M:%S %%"]}}
with open(os.path.join(here, "chats.json"), "w", encoding="utf-8") as f:
    json.dump(report, f, ensure_ascii=False)
    f.write("\n")
print({k: len(v) for k, v in report.items()}, sum("error" in c for c in report["cases"]))
