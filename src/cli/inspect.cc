// coldload inspect: what is behind a path, and what is in a checkpoint.

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/hub_name.h"
#include "cli/start_set_list.h"
#include "cli/values.h"
#include "model/checkpoint.h"
#include "model/headers.h"
#include "model/summary.h"
#include "stand_in/stand_in.h"
#include "storage/path_info.h"
#include "text/json.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

namespace json = text::json;

json::object tensor_facts(const model::ShardHeader& header, const model::Tensor& tensor) {
  json::array shape;
  for (const std::uint64_t dimension : header.shape(tensor)) shape.push_back(dimension);
  return {{"name", header.name(tensor)},
          {"dtype", model::name_of(tensor.dtype)},
          {"shape", std::move(shape)},
          {"bytes", tensor.bytes()},
          {"shard", std::filesystem::path(header.path()).filename().string()}};
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("{}", fmt::join(shape, ","));
}

json::object to_json(const model::Checkpoint& checkpoint, const model::Summary& summary) {
  const bool parsed = checkpoint.format == model::Format::safetensors;
  json::object dtypes;
  for (std::size_t i = 0; i < summary.dtypes.size(); ++i) {
    const model::DtypeTotal& total = summary.dtypes[i];
    if (total.tensors == 0) continue;
    dtypes[model::name_of(static_cast<model::Dtype>(i))] =
        json::object{{"tensors", total.tensors}, {"bytes", total.bytes}};
  }
  json::array files;
  for (const model::CheckpointFile& file : checkpoint.files) {
    files.push_back(json::object{{"name", file.name},
                                 {"kind", model::to_string(file.kind)},
                                 {"bytes", file.bytes},
                                 {"symlink", file.is_symlink},
                                 {"real_path", file.real_path}});
  }
  json::object result{{"path", checkpoint.path},
                      {"format", model::to_string(checkpoint.format)},
                      {"name", checkpoint.name}};
  result["checkpoint_bytes"] = checkpoint.weight_bytes();
  result["shards"] = checkpoint.shards().size();
  result["index"] = !checkpoint.indices.empty();
  // A .gguf is counted, not parsed: what is in it is unknown, not zero.
  result["tensors"] = parsed ? json::value(summary.tensors) : json::value(nullptr);
  result["tensor_bytes"] = parsed ? json::value(summary.tensor_bytes) : json::value(nullptr);
  result["dtypes"] = parsed ? json::value(std::move(dtypes)) : json::value(nullptr);
  result["largest_tensor"] =
      summary.largest == nullptr
          ? json::value(nullptr)
          : json::value(tensor_facts(*summary.largest_shard, *summary.largest));
  result["files"] = std::move(files);
  result["remarks"] = json::value_from(checkpoint.remarks);
  return result;
}

// Where the weights really lie: a hub snapshot's links lead elsewhere.
std::string weights_directory(const model::Checkpoint& checkpoint) {
  return std::filesystem::path(checkpoint.shards().front()->real_path).parent_path();
}

void print_tensors(const std::vector<model::ShardHeader>& headers, bool as_json) {
  for (const model::ShardHeader& header : headers) {
    const std::string shard = std::filesystem::path(header.path()).filename();
    for (const model::Tensor& tensor : header.tensors()) {
      if (as_json) {
        print_out("{}\n", text::to_line(tensor_facts(header, tensor)));
      } else {
        print_out("{} {} [{}] {} {}\n", header.name(tensor), model::name_of(tensor.dtype),
                  shape_text(header.shape(tensor)), tensor.bytes(), shard);
      }
    }
  }
}

// What is behind the weights: storage, and where that is a stand-in, of what and at which pace.
json::object storage_facts(const model::Checkpoint& checkpoint) {
  const std::string directory = weights_directory(checkpoint);
  json::object facts = storage::to_json(storage::inspect_path(directory));
  const auto stand_in = stand_in::describe(directory);
  facts["stand_in"] = stand_in ? json::value(stand_in::to_json(*stand_in)) : json::value(nullptr);
  return facts;
}

void print_storage(const model::Checkpoint& checkpoint) {
  const std::string directory = weights_directory(checkpoint);
  for (const std::string& line : storage::describe(storage::inspect_path(directory))) {
    print_out("{}\n", line);
  }
  const auto stand_in = stand_in::describe(directory);
  if (!stand_in) return;
  print_out("stand-in     of {} at {} (pid {})\n", stand_in->source,
            stand_in::to_string(stand_in->pace), stand_in->server_pid);
  if (stand_in->faults.any()) {
    print_out("faults       {}\n", stand_in::to_string(stand_in->faults));
  }
}

// "3 links into /cache/blobs": where links lead, by directory.
void print_links(const model::Checkpoint& checkpoint) {
  std::map<std::string, std::size_t> targets;
  for (const model::CheckpointFile& file : checkpoint.files) {
    if (file.is_symlink) ++targets[std::filesystem::path(file.real_path).parent_path()];
  }
  for (const auto& [directory, count] : targets) {
    print_out("links        {} of {} files lead to {}\n", count, checkpoint.files.size(),
              directory);
  }
}

void print_for_people(const model::Checkpoint& checkpoint, const model::Summary& summary) {
  const std::size_t shards = checkpoint.shards().size();
  print_out("checkpoint   {}\n", checkpoint.path);
  print_out("name         {}\n", checkpoint.name);
  print_out("weights      {} ({} bytes) in {} {} file{}\n",
            text::format_bytes(checkpoint.weight_bytes()), checkpoint.weight_bytes(), shards,
            model::to_string(checkpoint.format), shards == 1 ? "" : "s");
  if (checkpoint.format != model::Format::safetensors) {
    print_out("tensors      not read: a {} is counted, not parsed\n",
              checkpoint.format == model::Format::gguf ? ".gguf" : "PyTorch file");
  } else {
    print_out("index        {}\n", checkpoint.indices.empty() ? "no" : "yes");
    print_out("tensors      {}, {} ({} bytes)\n", summary.tensors,
              text::format_bytes(summary.tensor_bytes), summary.tensor_bytes);
  }
  for (std::size_t i = 0; i < summary.dtypes.size(); ++i) {
    const model::DtypeTotal& total = summary.dtypes[i];
    if (total.tensors == 0) continue;
    print_out("  {:<10} {} tensor{}, {}\n", model::name_of(static_cast<model::Dtype>(i)),
              total.tensors, total.tensors == 1 ? "" : "s", text::format_bytes(total.bytes));
  }
  if (summary.largest != nullptr) {
    const model::ShardHeader& header = *summary.largest_shard;
    print_out("largest      {} {} [{}], {}\n", header.name(*summary.largest),
              model::name_of(summary.largest->dtype), shape_text(header.shape(*summary.largest)),
              text::format_bytes(summary.largest->bytes()));
  }
  print_links(checkpoint);
  for (const std::string& remark : checkpoint.remarks) {
    print_out("note         {}\n", remark);
  }
}

}  // namespace

int run_inspect(const std::vector<std::string>& args) {
  CLI::App app(
      "What is behind a path, and what is in a checkpoint, or in a file of run --start-set.",
      "coldload inspect");
  std::string path;
  std::string weights;
  bool as_json = false;
  bool tensors = false;
  app.add_option(
         "PATH", path,
         "checkpoint directory, a .gguf file, ORG/MODEL in the hub cache, or a start set's\nfile")
      ->required();
  add_weights(&app, &weights);
  app.add_flag("--json", as_json,
               "print one JSON object (with --tensors: one a tensor; of a start set: one a file)");
  app.add_flag("--tensors", tensors, "list every tensor: name, dtype, shape, bytes, shard");
  if (!parse(app, args)) return k_exit_ok;

  if (is_start_set(path)) {
    if (tensors || !weights.empty()) {
      throw UsageError(path + " is a start set: it has no tensors and no weights to choose");
    }
    print_start_set(path, as_json);
    return k_exit_ok;
  }
  model::Checkpoint checkpoint = model::open_checkpoint(path_of_model(path), weights);
  model::count_indexed_parts(&checkpoint);
  constexpr unsigned k_max_threads = 8;
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, k_max_threads);
  const std::vector<model::ShardHeader> headers = model::read_headers(checkpoint, threads);
  const model::Summary summary = model::summarize(headers);
  if (tensors) {
    print_tensors(headers, as_json);
  } else if (as_json) {
    json::object result = to_json(checkpoint, summary);
    result["storage"] = storage_facts(checkpoint);
    print_out("{}", Lines(text::to_pretty(result)));
  } else {
    print_for_people(checkpoint, summary);
    print_storage(checkpoint);
  }
  return k_exit_ok;
}

}  // namespace coldload::cli
