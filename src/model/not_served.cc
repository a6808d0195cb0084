#include "model/not_served.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "model/file_names.h"
#include "os/error.h"
#include "os/interrupt.h"

namespace coldload::model {

namespace {

namespace fs = std::filesystem;

template <std::size_t n>
bool is_one_of(std::string_view text, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_decimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

// As publishers name folders for other programs (Meta's and Mistral's own, Apple's, ONNX
// Runtime's), and as trainers name those of a step (transformers' Trainer, DeepSpeed).
bool is_copys_folder(std::string_view name) {
  constexpr std::array<std::string_view, 8> k_copies{"original", "metal", "onnx",   "openvino",
                                                     "coreml",   "mlx",   "tflite", "gguf"};
  for (const std::string_view step : {"checkpoint-", "global_step"}) {
    if (name.starts_with(step) && is_decimal(name.substr(step.size()))) return true;
  }
  return is_one_of(name, k_copies);
}

bool is_training_state(std::string_view name) {
  constexpr std::array<std::string_view, 4> k_names{"optimizer.pt", "optimizer.bin", "scheduler.pt",
                                                    "scaler.pt"};
  return is_one_of(name, k_names) || (name.starts_with("rng_state") && name.ends_with(".pth"));
}

// Whether what stands between a model's name and its ending makes it the same model: a variant
// (".fp16"), a part ("-00001-of-00002", ".00").
bool is_variant_or_part(std::string_view text) {
  constexpr std::string_view k_of = "-of-";
  while (!text.empty()) {
    const bool is_part = text[0] == '-';
    if (!is_part && text[0] != '.') return false;
    const std::size_t of = text.find(k_of, 1);
    const std::size_t begin = is_part && of != std::string_view::npos ? of + k_of.size() : 1;
    const std::size_t end = std::min(text.find_first_of(".-", begin), text.size());
    if (is_part && !is_decimal(text.substr(begin, end - begin))) return false;
    if (is_part && begin > 1 && !is_decimal(text.substr(1, of - 1))) return false;
    text.remove_prefix(end);
  }
  return true;
}

// Weights that are named as a model's are: as transformers, diffusers, Meta and Mistral write them.
bool is_models_weights(std::string_view name) {
  constexpr std::array<std::string_view, 9> k_endings{
      ".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".ot", ".onnx", ".onnx_data"};
  constexpr std::array<std::string_view, 7> k_stems{
      "pytorch_model", "model",     "diffusion_pytorch_model", "consolidated", "tf_model",
      "flax_model",    "rust_model"};
  const std::string_view ending = name.substr(std::min(name.rfind('.'), name.size()));
  if (!is_one_of(ending, k_endings)) return false;
  const std::string_view rest = name.substr(0, name.size() - ending.size());
  return std::any_of(k_stems.begin(), k_stems.end(), [&](std::string_view stem) {
    const bool is_it = rest.starts_with(stem);
    return is_it && is_variant_or_part(rest.substr(stem.size()));
  });
}

}  // namespace

std::vector<std::string> not_served(const Checkpoint& checkpoint) {
  std::vector<std::string> found;
  if (checkpoint.format == Format::gguf) {
    if (!checkpoint.has_named_weights) return found;
    for (const CheckpointFile& file : checkpoint.files) {
      const bool is_other = file.kind == FileKind::weights && is_gguf_model(file.name);
      if (is_other) found.push_back(file.name);
    }
    return found;
  }
  const auto counts = [&](const std::string& name) {
    const bool is_folder = name.ends_with('/');
    const auto shards = checkpoint.shards();
    return std::any_of(shards.begin(), shards.end(), [&](const CheckpointFile* shard) {
      return is_folder ? shard->name.starts_with(name) : shard->name == name;
    });
  };
  std::error_code problem;
  for (fs::directory_iterator at(checkpoint.path, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (os::interrupted()) throw os::Error("interrupted");
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    const bool is_directory = at->is_directory(ignored);
    const bool no_need = is_directory ? is_copys_folder(name)
                                      : is_models_weights(name) || is_training_state(name) ||
                                            name.ends_with(".gguf");
    const std::string entry = is_directory ? name + '/' : name;
    if (no_need && !counts(entry)) found.push_back(entry);
  }
  if (problem) throw os::SystemError("list", checkpoint.path, problem.value());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace coldload::model
