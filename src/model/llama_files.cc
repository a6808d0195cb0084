#include "model/llama_files.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "text/json.h"

namespace coldload::model {

namespace {

namespace json = text::json;

constexpr int k_maximum_positions = 8192;
// Chat endpoints refuse a tokenizer that has none.
constexpr std::string_view k_chat_template =
    "{% for message in messages %}{{ message['content'] }}{% endfor %}";

// The character that byte-level BPE (GPT-2's) writes for a byte: itself where it is printable and
// no blank, else the next free one from U+0100 on. As UTF-8.
std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> characters;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < characters.size(); ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const unsigned code = itself ? byte : next++;
    std::string& text = characters[byte];
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else {
      text += static_cast<char>(0xC0U | (code >> 6U));
      text += static_cast<char>(0x80U | (code & 0x3FU));
    }
  }
  return characters;
}

json::object byte_level(bool add_prefix_space) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", true}};
}

std::string tokenizer() {
  json::object vocabulary{{"<s>", 0}, {"</s>", 1}};
  for (const std::string& character : byte_characters()) {
    vocabulary.emplace(character, vocabulary.size());
  }
  json::array added;
  for (const char* token : {"<s>", "</s>"}) {
    added.push_back(json::object{{"id", added.size()},
                                 {"content", token},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 {"special", true}});
  }
  const json::object model{{"type", "BPE"},
                           {"dropout", nullptr},
                           {"unk_token", nullptr},
                           {"continuing_subword_prefix", nullptr},
                           {"end_of_word_suffix", nullptr},
                           {"fuse_unk", false},
                           {"byte_fallback", false},
                           {"vocab", vocabulary},
                           {"merges", json::array()}};
  return text::to_pretty(json::object{{"version", "1.0"},
                                      {"truncation", nullptr},
                                      {"padding", nullptr},
                                      {"added_tokens", added},
                                      {"normalizer", nullptr},
                                      {"pre_tokenizer", byte_level(false)},
                                      {"post_processor", nullptr},
                                      {"decoder", byte_level(true)},
                                      {"model", model}});
}

// Written by hand: JSON writers drop the ".0" that makes a number a float for Python.
std::string config(const LlamaShape& shape) {
  return fmt::format(
      R"({{
  "architectures": ["LlamaForCausalLM"],
  "model_type": "llama",
  "hidden_size": {},
  "intermediate_size": {},
  "num_hidden_layers": {},
  "num_attention_heads": {},
  "num_key_value_heads": {},
  "head_dim": {},
  "vocab_size": {},
  "max_position_embeddings": {},
  "rms_norm_eps": 1e-05,
  "rope_theta": 500000.0,
  "hidden_act": "silu",
  "tie_word_embeddings": false,
  "torch_dtype": "bfloat16",
  "bos_token_id": 0,
  "eos_token_id": 1,
  "attention_bias": false,
  "mlp_bias": false,
  "initializer_range": 0.02,
  "use_cache": true
}}
)",
      shape.hidden, shape.intermediate, shape.layers, shape.heads, shape.kv_heads, shape.head_dim,
      shape.vocabulary, k_maximum_positions);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> llama_small_files(const LlamaShape& shape) {
  return {{"config.json", config(shape)},
          {"generation_config.json",
           text::to_pretty(json::object{{"bos_token_id", 0}, {"eos_token_id", 1}})},
          {"tokenizer.json", tokenizer()},
          {"tokenizer_config.json",
           text::to_pretty(json::object{{"tokenizer_class", "PreTrainedTokenizerFast"},
                                        {"bos_token", "<s>"},
                                        {"eos_token", "</s>"},
                                        {"model_max_length", k_maximum_positions},
                                        {"clean_up_tokenization_spaces", false},
                                        {"chat_template", k_chat_template}})}};
}

std::string shard_file_name(std::size_t number, std::size_t shards) {
  if (shards == 1) return "model.safetensors";
  return fmt::format("model-{:05d}-of-{:05d}.safetensors", number, shards);
}

std::string llama_index(const std::vector<std::vector<LlamaTensor>>& shards) {
  json::object weight_map;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    for (const LlamaTensor& tensor : shards[i]) {
      weight_map[tensor.name] = shard_file_name(i + 1, shards.size());
      bytes += tensor.bytes();
    }
  }
  return text::to_pretty(
      json::object{{"metadata", {{"total_size", bytes}}}, {"weight_map", weight_map}});
}

std::string llama_shard_head(const std::vector<LlamaTensor>& tensors) {
  json::object header{{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t begin = 0;
  for (const LlamaTensor& tensor : tensors) {
    const std::uint64_t end = begin + tensor.bytes();
    header[tensor.name] =
        json::object{{"dtype", "BF16"},
                     {"shape", json::array(tensor.shape.begin(), tensor.shape.end())},
                     {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = text::to_line(header);
  constexpr std::size_t k_alignment = 8;
  text.resize((text.size() + k_alignment - 1) / k_alignment * k_alignment, ' ');
  std::string head;
  for (std::size_t i = 0; i < sizeof(std::uint64_t); ++i) {
    head += static_cast<char>(text.size() >> (8 * i) & 0xFFU);
  }
  return head + text;
}

}  // namespace coldload::model
