#include "run/copy_source.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "model/file_names.h"
#include "model/hub_cache.h"
#include "model/not_served.h"
#include "os/error.h"
#include "os/interrupt.h"

namespace coldload::run {

namespace fs = std::filesystem;

CopySource copy_source(const model::Checkpoint& checkpoint) {
  CopySource source;
  source.directory = checkpoint.path;
  if (!checkpoint.is_file) {
    source.selection.leave_out = model::not_served(checkpoint);
    return source;
  }
  source.directory = fs::path(checkpoint.path).parent_path();
  for (const model::CheckpointFile* shard : checkpoint.shards()) {
    source.selection.only.push_back(shard->name);
  }
  source.served_file = source.selection.only.front();
  return source;
}

CopySource copy_source(const std::string& path, const std::string& weights) {
  CopySource source;
  try {
    return copy_source(model::open_checkpoint(path, weights));
  } catch (const os::Error& error) {
    std::error_code ignored;
    if (os::interrupted() || !weights.empty() || !fs::is_directory(path, ignored)) throw;
    const auto snapshot = model::hub_snapshot(path);
    source.directory = snapshot ? snapshot->path : path;
    source.remark = fmt::format("all of it is copied: {}", error.what());
  }
  return source;
}

std::string served_in_copy(const std::string& source, const std::string& destination) {
  const std::string name = fs::path(source).filename();
  return model::is_gguf_name(name) ? destination + "/" + model::gguf_siblings(name).front()
                                   : destination;
}

}  // namespace coldload::run
