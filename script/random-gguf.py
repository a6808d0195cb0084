#!/usr/bin/env python3
"""Writes a Llama of random weights as one .gguf that llama-server loads: 26 MB a layer.

    script/random-gguf.py OUT.gguf LAYERS

Needs the packages gguf and numpy (script/fetch-llama-server has them).
"""

import sys

import gguf
import numpy

WIDTH = 1024
FEED_FORWARD = 2816
HEADS = 16
CONTEXT = 2048
TOKENS = 1000


def tokens():
    """A vocabulary as SentencePiece has it: three control tokens, every byte, and words."""
    names = [b"<unk>", b"<s>", b"</s>"]
    names += [f"<0x{byte:02X}>".encode() for byte in range(256)]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256
    words = TOKENS - len(names)
    names += [f"▁w{word}".encode() for word in range(words)]
    kinds += [gguf.TokenType.NORMAL] * words
    return names, kinds


def write_header(writer, layers):
    writer.add_name("random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    names, kinds = tokens()
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names)
    writer.add_token_scores([0.0] * len(names))
    writer.add_token_types(kinds)
    writer.add_vocab_size(len(names))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def add_tensors(writer, layers):
    random = numpy.random.default_rng(1)

    def add(name, *shape, kind=numpy.float16):
        values = random.standard_normal(shape, dtype=numpy.float32) * 0.02
        writer.add_tensor(name + ".weight", values.astype(kind))

    add("token_embd", TOKENS, WIDTH)
    add("output_norm", WIDTH, kind=numpy.float32)
    add("output", TOKENS, WIDTH)
    for layer in range(layers):
        block = f"blk.{layer}."
        add(block + "attn_norm", WIDTH, kind=numpy.float32)
        add(block + "ffn_norm", WIDTH, kind=numpy.float32)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(block + part, WIDTH, WIDTH)
        add(block + "ffn_gate", FEED_FORWARD, WIDTH)
        add(block + "ffn_up", FEED_FORWARD, WIDTH)
        add(block + "ffn_down", WIDTH, FEED_FORWARD)


def main():
    out, layers = sys.argv[1], int(sys.argv[2])
    writer = gguf.GGUFWriter(out, "llama")
    write_header(writer, layers)
    add_tensors(writer, layers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
