#include "api/plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "load/layout.h"

namespace coldload::api {

namespace {

Wanted whole(const Opened& opened, std::size_t number) {
  const Tensor& tensor = opened.tensors[number];
  const std::uint64_t count = tensor.shape.empty() ? 1 : tensor.shape[0];
  return {number, 0, count, tensor.begin, tensor.end};
}

Wanted one(const Opened& opened, const Part& part) {
  if (part.tensor >= opened.tensors.size()) {
    throw PlanError(fmt::format("cannot load tensor {}: the checkpoint has {}, counted from 0",
                                part.tensor, opened.tensors.size()));
  }
  const Tensor& tensor = opened.tensors[part.tensor];
  const Wanted all = whole(opened, part.tensor);
  if (part.first == 0 && part.count.value_or(all.count) == all.count) return all;
  const std::uint64_t count = part.count.value_or(all.count - std::min(part.first, all.count));
  if (tensor.shape.empty() || part.first > all.count || count > all.count - part.first) {
    throw PlanError(
        fmt::format("cannot load {} of \"{}\" from {} on: it has {} along its first dimension",
                    count, tensor.name, part.first, tensor.shape.empty() ? 0 : all.count));
  }
  // A header is refused whose tensors are no whole bytes; a part of one can be, of 4 and 6 bits.
  const std::uint64_t bytes = tensor.bytes();
  const std::uint64_t row = all.count == 0 ? 0 : bytes / all.count;
  if (row * all.count != bytes) {
    throw PlanError(fmt::format(
        "cannot load a part of \"{}\": its rows are no whole bytes; load all", tensor.name));
  }
  const std::uint64_t begin = tensor.begin + part.first * row;
  return {part.tensor, part.first, count, begin, begin + count * row};
}

std::uint64_t round_down(std::uint64_t value) { return value - value % load::k_block_bytes; }

load::Shard shard_of(const TensorFile& file, std::uint64_t begin, std::uint64_t end) {
  load::Shard shard;
  shard.path = file.path;
  shard.bytes = file.bytes;
  shard.begin = round_down(begin);
  const std::uint64_t rounded = load::round_up(end, load::k_block_bytes);
  if (rounded < file.bytes) shard.end = rounded;
  shard.modified_at = file.modified_at;
  return shard;
}

}  // namespace

std::vector<Wanted> wanted(const Opened& opened, const std::optional<std::vector<Part>>& parts) {
  std::vector<Wanted> all;
  if (!parts) {
    for (std::size_t i = 0; i < opened.tensors.size(); ++i) all.push_back(whole(opened, i));
    return all;
  }
  for (const Part& part : *parts) all.push_back(one(opened, part));
  const auto place = [&opened](const Wanted& part) {
    return std::tuple(opened.tensors[part.tensor].file, part.begin, part.end);
  };
  std::sort(all.begin(), all.end(),
            [&](const Wanted& a, const Wanted& b) { return place(a) < place(b); });
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i - 1].tensor == all[i].tensor && all[i].begin < all[i - 1].end) {
      throw PlanError(fmt::format("cannot load \"{}\" twice at once: two parts of the plan overlap",
                                  opened.tensors[all[i].tensor].name));
    }
  }
  return all;
}

Plan plan(const Opened& opened, std::vector<Wanted> wanted, const Cut& cut) {
  Plan plan;
  std::size_t file = 0;     // of the run that is being made
  std::uint64_t begin = 0;  // of its first tensor,
  std::uint64_t end = 0;    // and of its last
  std::vector<Wanted> inside;
  const auto finish = [&] {
    if (inside.empty()) return;
    plan.runs.push_back({shard_of(opened.files[file], begin, end), std::move(inside)});
    inside.clear();
  };
  for (const Wanted& part : wanted) {
    if (part.bytes() == 0) {
      plan.empty.push_back(part);
      continue;
    }
    const std::size_t its_file = opened.tensors[part.tensor].file;
    const bool is_next = !inside.empty() && its_file == file &&
                         round_down(part.begin) <= load::round_up(end, load::k_block_bytes);
    const bool fits = cut.most_bytes == 0 || part.end - round_down(begin) <= cut.most_bytes;
    if (!is_next || !fits) {
      finish();
      file = its_file;
      begin = part.begin;
    }
    end = part.end;
    inside.push_back(part);
  }
  finish();
  if (cut.ranks > 1) {
    const std::size_t first = plan.runs.size() * (cut.rank % cut.ranks) / cut.ranks;
    std::rotate(plan.runs.begin(), plan.runs.begin() + static_cast<std::ptrdiff_t>(first),
                plan.runs.end());
  }
  return plan;
}

}  // namespace coldload::api
