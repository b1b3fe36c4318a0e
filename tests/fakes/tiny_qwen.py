"""A Qwen3 of random weights, under 2 MB: llama.cpp loads and serves it like a real one.

It says random words of a small vocabulary, which is enough to prove the whole way from a GGUF file
to the streamed answer. One dimension of the residual stream is constant, and the output layer
reads it: words are likely, raw bytes are not, so that the answer is readable text.

    path = write_tiny_qwen(folder)      # milliseconds; keep it for the session
"""

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

NAME = "tiny-qwen3"

_WORDS = [
    *("the", "a", "and", "of", "to", "in", "is", "it", "you", "that", "he", "was", "for", "on"),
    *("are", "with", "as", "his", "they", "be", "at", "one", "have", "this", "from", "or", "had"),
    *("by", "hot", "but", "some", "what", "there", "we", "can", "out", "other", "were", "all"),
    *("your", "when", "up", "use", "how", "said", "an", "each", "she", "which", "do", "their"),
    *("time", "if", "will", "way", "about", "many", "then", "them", "would", "write", "like"),
    *("so", "these", "her", "long", "make", "thing", "see", "him", "two", "has", "look", "more"),
]
_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_THINKS = ("<think>", "</think>")
_LAYERS, _WIDTH, _HEADS, _KV_HEADS, _HEAD_WIDTH, _INNER = 2, 64, 2, 1, 32, 128
_CONTEXT = 2048

# Qwen3's template, cut to what a chat without tools needs.
_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}
{%- endif %}"""


def write_tiny_qwen(folder: Path) -> Path:
    """Write the model's GGUF file into `folder` and return its path."""
    path = folder / f"{NAME}.gguf"
    writer = gguf.GGUFWriter(path, "qwen3")
    tokens = _write_header(writer)
    _write_tensors(writer, tokens)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_header(writer: gguf.GGUFWriter) -> list[str]:
    writer.add_name(NAME)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KV_HEADS)
    writer.add_key_length(_HEAD_WIDTH)
    writer.add_value_length(_HEAD_WIDTH)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)
    letters = _byte_letters()
    merged = [letters[ord("t")] + letters[ord("h")], letters[ord("e")] + letters[ord("r")]]
    words = [letters[ord(" ")] + word for word in _WORDS]
    known = [*letters, *merged]
    tokens = [*known, *(word for word in words if word not in known), *_SPECIALS, *_THINKS]
    kinds = [gguf.TokenType.NORMAL] * (len(tokens) - len(_SPECIALS) - len(_THINKS))
    kinds += [gguf.TokenType.CONTROL] * len(_SPECIALS)
    kinds += [gguf.TokenType.USER_DEFINED] * len(_THINKS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(merge) for merge in merged])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(value=False)
    writer.add_chat_template(_TEMPLATE)
    return tokens


def _write_tensors(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    random = np.random.default_rng(1)

    def weights(*shape: int) -> NDArray[np.float32]:
        return random.normal(0, 0.02, shape).astype(np.float32)

    def ones(size: int) -> NDArray[np.float32]:
        return np.ones(size, np.float32)

    embedding = weights(len(tokens), _WIDTH)
    embedding[:, 0] = 1.0
    output = weights(len(tokens), _WIDTH) * 4
    spoken = np.array([token.startswith(_byte_letters()[ord(" ")]) for token in tokens])
    output[:, 0] = np.where(spoken, 2.0, -2.0)
    output[tokens.index("<|im_end|>"), 0] = 1.5
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", ones(_WIDTH))
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        writer.add_tensor(f"{block}.attn_norm.weight", ones(_WIDTH))
        writer.add_tensor(f"{block}.attn_q.weight", weights(_HEADS * _HEAD_WIDTH, _WIDTH))
        writer.add_tensor(f"{block}.attn_k.weight", weights(_KV_HEADS * _HEAD_WIDTH, _WIDTH))
        writer.add_tensor(f"{block}.attn_v.weight", weights(_KV_HEADS * _HEAD_WIDTH, _WIDTH))
        writer.add_tensor(f"{block}.attn_output.weight", weights(_WIDTH, _HEADS * _HEAD_WIDTH))
        writer.add_tensor(f"{block}.attn_q_norm.weight", ones(_HEAD_WIDTH))
        writer.add_tensor(f"{block}.attn_k_norm.weight", ones(_HEAD_WIDTH))
        writer.add_tensor(f"{block}.ffn_norm.weight", ones(_WIDTH))
        writer.add_tensor(f"{block}.ffn_gate.weight", weights(_INNER, _WIDTH))
        writer.add_tensor(f"{block}.ffn_up.weight", weights(_INNER, _WIDTH))
        writer.add_tensor(f"{block}.ffn_down.weight", weights(_WIDTH, _INNER))


def _byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level BPE vocabulary (as GPT-2 chose)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
