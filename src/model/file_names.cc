#include "model/file_names.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

namespace coldload::model {

namespace {

constexpr std::string_view k_gguf = ".gguf";

bool is_number(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_shard_name(std::string_view name) {
  return name.ends_with(".safetensors") && name[0] != '.';
}

bool is_weight_name(std::string_view name) {
  constexpr std::array<std::string_view, 9> k_extensions{
      ".safetensors", ".gguf", ".bin", ".pt", ".pth", ".tensors", ".ckpt", ".onnx", ".onnx_data"};
  const std::string_view last = name.substr(name.rfind('/') + 1);
  return std::any_of(k_extensions.begin(), k_extensions.end(), [last](std::string_view extension) {
    return last.size() > extension.size() && last.ends_with(extension);
  });
}

std::string stem_of(std::string_view shard_name) {
  std::string_view stem = shard_name.substr(0, shard_name.rfind('.'));
  // -00001-of-00002
  const std::size_t of = stem.rfind("-of-");
  if (of == std::string_view::npos || !is_number(stem.substr(of + 4))) return std::string(stem);
  const std::size_t dash = stem.substr(0, of).rfind('-');
  if (dash == std::string_view::npos || !is_number(stem.substr(dash + 1, of - dash - 1))) {
    return std::string(stem);
  }
  return std::string(stem.substr(0, dash));
}

std::string precision_of(std::string_view shard_name) {
  constexpr std::array<std::string_view, 12> k_precisions{
      "fp32", "fp16", "bf16", "fp8", "f32", "f16", "int8", "int4", "nf4", "ema", "non_ema", "q4"};
  const std::string stem = stem_of(shard_name);
  const std::string last = stem.substr(stem.rfind('.') + 1);
  const bool is_one =
      last.size() < stem.size() &&
      std::find(k_precisions.begin(), k_precisions.end(), last) != k_precisions.end();
  return is_one ? last : "";
}

bool is_gguf_name(std::string_view name) { return name.ends_with(k_gguf) && name[0] != '.'; }

bool is_gguf_model(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('/') + 1);
  return is_gguf_name(last) && !last.starts_with("mmproj");
}

std::optional<FileKind> kind_of_small_file(std::string_view name) {
  if (name == "config.json" || name == "generation_config.json") return FileKind::config;
  constexpr std::array<std::string_view, 6> k_tokenizer_files{
      "vocab.json",        "vocab.txt",
      "merges.txt",        "special_tokens_map.json",
      "added_tokens.json", "sentencepiece.bpe.model"};
  const bool is_tokenizer =
      std::find(k_tokenizer_files.begin(), k_tokenizer_files.end(), name) !=
          k_tokenizer_files.end() ||
      name.starts_with("chat_template") ||
      (name.starts_with("tokenizer") && (name.ends_with(".json") || name.ends_with(".model")));
  return is_tokenizer ? std::optional(FileKind::tokenizer) : std::nullopt;
}

std::vector<std::string> gguf_siblings(const std::string& name) {
  // <stem>-00002-of-00003.gguf
  constexpr std::size_t k_digits = 5;
  constexpr std::string_view k_of = "-of-";
  constexpr std::size_t k_tail = 1 + k_digits + k_of.size() + k_digits + k_gguf.size();
  if (name.size() <= k_tail) return {name};
  const std::string stem = name.substr(0, name.size() - k_tail);
  const std::string_view tail = std::string_view(name).substr(stem.size());
  const std::string_view part = tail.substr(1, k_digits);
  const std::string_view count = tail.substr(1 + k_digits + k_of.size(), k_digits);
  if (tail[0] != '-' || tail.substr(1 + k_digits, k_of.size()) != k_of || !is_number(part) ||
      !is_number(count)) {
    return {name};
  }
  const int parts = std::stoi(std::string(count));
  const int own = std::stoi(std::string(part));
  if (own < 1 || own > parts) return {name};
  std::vector<std::string> names;
  for (int i = 1; i <= parts; ++i)
    names.push_back(fmt::format("{}-{:05d}-of-{}.gguf", stem, i, count));
  return names;
}

std::string folder_of(const std::string& name) { return name.substr(0, name.rfind('/') + 1); }

std::string checkpoint_name(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string last = whole.filename();
  if (is_gguf_name(last)) return last.substr(0, last.size() - k_gguf.size());
  const std::string repository = whole.parent_path().parent_path().filename();
  constexpr std::string_view k_models = "models--";
  if (whole.parent_path().filename() == "snapshots" && repository.starts_with(k_models)) {
    return repository.substr(repository.rfind("--") + 2);
  }
  return last.empty() ? "checkpoint" : last;
}

}  // namespace coldload::model
