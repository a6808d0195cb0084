#include "model/weight_choice.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include "model/file_names.h"
#include "model/index.h"
#include "os/error.h"

namespace coldload::model {

namespace {

using Names = std::vector<std::string>;

bool has(const Names& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// Those for which `is_one` holds, unless there are no others.
void drop_if_others_stay(Names* names, const std::function<bool(const std::string&)>& is_one) {
  if (!std::all_of(names->begin(), names->end(), is_one)) std::erase_if(*names, is_one);
}

// One folder of the checkpoint: the top, or that of a component ("transformer/").
class Folder {
 public:
  Folder(const std::string& directory, const Names& all, std::string prefix)
      : directory_(directory), all_(all), prefix_(std::move(prefix)) {
    const auto first = std::lower_bound(all.begin(), all.end(), prefix_);
    for (auto name = first; name != all.end() && name->starts_with(prefix_); ++name) {
      const std::string rest = name->substr(prefix_.size());
      const std::size_t slash = rest.find('/');
      if (slash == std::string::npos) {
        here_.push_back(rest);
      } else if (below_.empty() || below_.back() != rest.substr(0, slash + 1)) {
        below_.push_back(rest.substr(0, slash + 1));
      }
    }
  }

  // Empty where nothing here is a weight.
  [[nodiscard]] WeightChoice choose() {
    WeightChoice choice;
    Names names = by_index(".safetensors.index.json", &choice);
    if (names.empty()) names = whole_or_one_precision();
    if (names.empty()) {
      choice.format = Format::gguf;
      names = one_gguf();
    }
    if (names.empty()) {
      choice.format = Format::pytorch;
      names = by_index(".bin.index.json", &choice);
    }
    if (names.empty()) names = pytorch_files();
    if (names.empty() && !problem_.empty()) {
      throw os::Error(fmt::format("cannot use {}: its {}", directory_, problem_));
    }
    if (!problem_.empty()) choice.remarks.push_back(fmt::format("not followed: the {}", problem_));
    for (const std::string& name : names) choice.names.push_back(prefix_ + name);
    if (choice.names.empty()) choice.format = Format::safetensors;
    return choice;
  }

  [[nodiscard]] const Names& below() const { return below_; }

 private:
  // The shards of the first index that is complete. Its own name says whose it is, the rest of a
  // name that another precision's is (model.safetensors.index.fp16.json).
  Names by_index(std::string_view ending, WeightChoice* choice) {
    Names indices;
    for (const std::string& name : here_) {
      if (name.ends_with(ending) && name.front() != '.') indices.push_back(name);
    }
    std::stable_partition(indices.begin(), indices.end(),
                          [](const std::string& name) { return name == k_index_name; });
    for (const std::string& index : indices) {
      const WeightMap map = WeightMap::read(directory_ + '/' + prefix_ + index);
      const auto missing =
          std::find_if(map.shards().begin(), map.shards().end(),
                       [&](const std::string& shard) { return !has(all_, prefix_ + shard); });
      if (missing == map.shards().end()) {
        choice->indices.push_back(prefix_ + index);
        return map.shards();
      }
      if (problem_.empty()) {
        problem_ =
            fmt::format("index {} names the shard {}, which is not there", map.path(), *missing);
      }
      of_broken_index_.insert(map.shards().begin(), map.shards().end());
    }
    return {};
  }

  Names whole_or_one_precision() const {
    Names shards;
    std::copy_if(here_.begin(), here_.end(), std::back_inserter(shards), is_shard_name);
    if (has(shards, "model.safetensors")) return {"model.safetensors"};
    if (!of_broken_index_.empty()) return {};  // what is left of a set is no model
    drop_if_others_stay(&shards, [](const std::string& n) { return n.starts_with("adapter_"); });
    drop_if_others_stay(&shards,
                        [](const std::string& n) { return n.starts_with("consolidated"); });
    std::map<std::string, Names> by_precision;
    for (const std::string& shard : shards) by_precision[precision_of(shard)].push_back(shard);
    if (by_precision.empty()) return {};
    Names chosen = by_precision.begin()->second;  // "", the plain one, comes first
    // A whole file beside the parts of the same name.
    std::erase_if(chosen, [&](const std::string& shard) {
      const std::string stem = stem_of(shard);
      return stem + ".safetensors" != shard && has(chosen, stem + ".safetensors");
    });
    return chosen;
  }

  Names one_gguf() const {
    std::map<Names, bool> models;  // all parts of each
    for (const std::string& name : here_) {
      if (is_gguf_model(name)) models[gguf_siblings(name)] = true;
    }
    if (models.empty()) return {};
    if (models.size() > 1) {
      Names firsts;
      for (const auto& [parts, _] : models) firsts.push_back(parts.front());
      throw os::Error(
          fmt::format("cannot use {}: it holds {} .gguf models; pass the file of one: {}",
                      directory_, models.size(), fmt::join(firsts, ", ")));
    }
    return models.begin()->first;
  }

  // pytorch_model*.bin, consolidated*.pth: not the optimizer, nor what else lies beside a model
  // that was trained.
  Names pytorch_files() const {
    constexpr std::array<std::string_view, 5> k_patterns{"pytorch_model*.bin", "consolidated*.pth",
                                                         "model*.bin", "model*.pt", "*.tensors"};
    for (const std::string_view pattern : k_patterns) {
      Names found;
      std::copy_if(
          here_.begin(), here_.end(), std::back_inserter(found), [&](const std::string& name) {
            return ::fnmatch(std::string(pattern).c_str(), name.c_str(), FNM_PERIOD) == 0 &&
                   of_broken_index_.count(name) == 0;
          });
      if (!found.empty()) return found;
    }
    return {};
  }

  const std::string& directory_;
  const Names& all_;
  std::string prefix_;
  Names here_;
  Names below_;          // folders, with their slash
  std::string problem_;  // of the first index that is not complete
  std::set<std::string> of_broken_index_;
};

void add(WeightChoice more, WeightChoice* choice) {
  if (more.names.empty()) return;
  if (choice->names.empty()) choice->format = more.format;
  if (more.format != choice->format) return;
  const auto append = [](Names from, Names* to) {
    std::move(from.begin(), from.end(), std::back_inserter(*to));
  };
  append(std::move(more.names), &choice->names);
  append(std::move(more.indices), &choice->indices);
  append(std::move(more.remarks), &choice->remarks);
}

}  // namespace

WeightChoice choose_weights(const std::string& directory, const std::vector<std::string>& names) {
  Folder top(directory, names, "");
  WeightChoice choice = top.choose();
  // A pipeline (diffusers') keeps each component in a folder of its own; sentence-transformers
  // keeps the heads below the encoder, as "2_Dense".
  const bool is_of_parts = choice.names.empty();
  for (const std::string& folder : top.below()) {
    const bool is_head = has(names, "modules.json") && folder.find("_Dense") != std::string::npos;
    if (is_of_parts || is_head) add(Folder(directory, names, folder).choose(), &choice);
  }
  std::sort(choice.names.begin(), choice.names.end());
  return choice;
}

WeightChoice choose_weights_of_server(const std::string& directory, const std::string& preferred,
                                      const std::vector<std::string>& names) {
  WeightChoice choice;
  std::copy_if(names.begin(), names.end(), std::back_inserter(choice.names),
               [&](const std::string& name) {
                 return ::fnmatch(preferred.c_str(), name.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
               });
  return choice.names.empty() ? choose_weights(directory, names) : choice;
}

WeightChoice choose_weights_by(const std::string& pattern, const std::vector<std::string>& names) {
  WeightChoice choice;
  const bool is_of_paths = pattern.find('/') != std::string::npos;
  for (const std::string& name : names) {
    const std::string subject = is_of_paths ? name : name.substr(name.rfind('/') + 1);
    if (::fnmatch(pattern.c_str(), subject.c_str(), FNM_PERIOD) == 0) choice.names.push_back(name);
  }
  if (choice.names.empty()) {
    throw os::Error(fmt::format("no file of the checkpoint matches --weights {}", pattern));
  }
  const auto are = [&](bool (*is_one)(std::string_view)) {
    return std::all_of(choice.names.begin(), choice.names.end(), is_one);
  };
  if (!are(is_shard_name)) choice.format = are(is_gguf_name) ? Format::gguf : Format::pytorch;
  return choice;
}

}  // namespace coldload::model
