#include "model/llama_shape.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace coldload::model {

namespace {

constexpr std::uint64_t k_bf16_bytes = 2;
constexpr std::uint64_t k_tensors_per_layer = 9;
constexpr std::uint64_t k_tensors_beside_layers = 3;

// A width and the depth that published models give it.
struct Width {
  std::uint64_t hidden;
  std::uint64_t layers;
};
constexpr std::array<Width, 8> k_widths{
    {{128, 2}, {256, 6}, {512, 8}, {1024, 12}, {2048, 16}, {4096, 32}, {8192, 80}, {16384, 126}}};
// Intermediate over hidden size: 3.5 in Llama 3.
constexpr double k_usual_ratio = 3.5;
constexpr std::uint64_t k_min_ratio = 2;
constexpr std::uint64_t k_max_ratio = 6;
// A third to three times the usual depth: without gaps between the widths.
constexpr std::uint64_t k_depth_range = 3;

std::uint64_t vocabulary_for(std::uint64_t bytes) {
  // The byte-level tokenizer has 258 ids; the rest is there because real models have it.
  constexpr std::uint64_t k_tiny = 320;
  constexpr std::uint64_t k_small = 4096;
  constexpr std::uint64_t k_llama_2 = 32'000;
  constexpr std::uint64_t k_llama_3 = 128'256;
  if (bytes < 50'000'000) return k_tiny;
  if (bytes < 1'000'000'000) return k_small;
  return bytes < 5'000'000'000 ? k_llama_2 : k_llama_3;
}

LlamaShape shape_of(const Width& width, std::uint64_t layers, std::uint64_t vocabulary) {
  constexpr std::uint64_t k_small_head = 64;
  constexpr std::uint64_t k_large_head = 128;
  constexpr std::uint64_t k_kv_heads = 8;
  LlamaShape shape;
  shape.hidden = width.hidden;
  shape.layers = layers;
  shape.head_dim = width.hidden <= 2048 ? k_small_head : k_large_head;
  shape.heads = shape.hidden / shape.head_dim;
  shape.kv_heads = std::min(k_kv_heads, shape.heads);
  shape.vocabulary = vocabulary;
  return shape;
}

// The intermediate size that brings the shape nearest to `bytes`, within usual proportions.
void fit_intermediate(LlamaShape* shape, std::uint64_t bytes) {
  const std::uint64_t step = std::clamp<std::uint64_t>(shape->hidden / 8, 16, 64);
  shape->intermediate = 0;
  const std::uint64_t rest = weight_bytes(*shape);
  const std::uint64_t step_bytes = shape->layers * 3 * shape->hidden * step * k_bf16_bytes;
  const std::uint64_t steps = bytes > rest ? (bytes - rest + step_bytes / 2) / step_bytes : 0;
  shape->intermediate =
      std::clamp(steps * step, k_min_ratio * shape->hidden, k_max_ratio * shape->hidden);
}

// How far a shape is from the size, and from what models look like; the size counts most.
double strangeness(const LlamaShape& shape, const Width& width, std::uint64_t bytes) {
  constexpr double k_good_error = 0.01;
  constexpr double k_error_weight = 1000;
  const double ratio = static_cast<double>(shape.intermediate) / static_cast<double>(shape.hidden);
  const double depth = static_cast<double>(shape.layers) / static_cast<double>(width.layers);
  const double error =
      std::abs(static_cast<double>(weight_bytes(shape)) / static_cast<double>(bytes) - 1);
  return k_error_weight * std::max(0.0, error - k_good_error) + error +
         std::abs(std::log(ratio / k_usual_ratio)) + std::abs(std::log(depth));
}

}  // namespace

std::uint64_t LlamaTensor::bytes() const {
  std::uint64_t bytes = k_bf16_bytes;
  for (const std::uint64_t dimension : shape) bytes *= dimension;
  return bytes;
}

std::uint64_t weight_bytes(const LlamaShape& shape) {
  const std::uint64_t attention =
      2 * shape.hidden * shape.head_dim * (shape.heads + shape.kv_heads);
  const std::uint64_t mlp = 3 * shape.hidden * shape.intermediate;
  const std::uint64_t layer = attention + mlp + 2 * shape.hidden;
  return k_bf16_bytes * (2 * shape.vocabulary * shape.hidden + shape.hidden + shape.layers * layer);
}

LlamaShape choose_llama_shape(std::uint64_t bytes, std::uint64_t min_tensors) {
  assert(bytes >= k_min_llama_bytes && bytes <= k_max_llama_bytes);
  const std::uint64_t beside = std::min(min_tensors, k_tensors_beside_layers);
  const std::uint64_t min_layers = std::max<std::uint64_t>(
      1, (min_tensors - beside + k_tensors_per_layer - 1) / k_tensors_per_layer);
  LlamaShape best;
  double best_strangeness = 0;
  for (const Width& width : k_widths) {
    const std::uint64_t first = std::max(min_layers, width.layers / k_depth_range);
    const std::uint64_t last = std::max(min_layers, width.layers * k_depth_range);
    for (std::uint64_t layers = first; layers <= last; ++layers) {
      LlamaShape shape = shape_of(width, layers, vocabulary_for(bytes));
      fit_intermediate(&shape, bytes);
      const double strange = strangeness(shape, width, bytes);
      if (best.layers == 0 || strange < best_strangeness) {
        best = shape;
        best_strangeness = strange;
      }
    }
  }
  return best;
}

std::vector<LlamaTensor> llama_tensors(const LlamaShape& shape) {
  const std::uint64_t hidden = shape.hidden;
  const std::uint64_t query = shape.heads * shape.head_dim;
  const std::uint64_t key = shape.kv_heads * shape.head_dim;
  std::vector<LlamaTensor> tensors;
  tensors.push_back({"model.embed_tokens.weight", {shape.vocabulary, hidden}, false});
  for (std::uint64_t i = 0; i < shape.layers; ++i) {
    const auto add = [&](const char* name, std::vector<std::uint64_t> dimensions, bool is_norm) {
      tensors.push_back(
          {fmt::format("model.layers.{}.{}.weight", i, name), std::move(dimensions), is_norm});
    };
    add("input_layernorm", {hidden}, true);
    add("mlp.down_proj", {hidden, shape.intermediate}, false);
    add("mlp.gate_proj", {shape.intermediate, hidden}, false);
    add("mlp.up_proj", {shape.intermediate, hidden}, false);
    add("post_attention_layernorm", {hidden}, true);
    add("self_attn.k_proj", {key, hidden}, false);
    add("self_attn.o_proj", {hidden, query}, false);
    add("self_attn.q_proj", {query, hidden}, false);
    add("self_attn.v_proj", {key, hidden}, false);
  }
  tensors.push_back({"model.norm.weight", {hidden}, true});
  tensors.push_back({"lm_head.weight", {shape.vocabulary, hidden}, false});
  return tensors;
}

std::vector<std::vector<LlamaTensor>> split_tensors(std::vector<LlamaTensor> tensors,
                                                    std::uint64_t shards) {
  assert(shards > 0 && shards <= tensors.size());
  std::uint64_t bytes_left = 0;
  for (const LlamaTensor& tensor : tensors) bytes_left += tensor.bytes();
  std::vector<std::vector<LlamaTensor>> groups;
  std::size_t next = 0;
  for (std::uint64_t left = shards; left > 0; --left) {
    const std::uint64_t target = bytes_left / left;
    std::vector<LlamaTensor> group;
    std::uint64_t group_bytes = 0;
    // Every later shard needs a tensor of its own; the last one takes all that is left.
    while (tensors.size() - next >= left) {
      const std::uint64_t bytes = tensors[next].bytes();
      if (left > 1 && !group.empty() && group_bytes + bytes / 2 > target) break;
      group.push_back(std::move(tensors[next++]));
      group_bytes += bytes;
    }
    bytes_left -= group_bytes;
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace coldload::model
