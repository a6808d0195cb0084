#include "api/opened.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "model/checkpoint.h"
#include "model/headers.h"
#include "model/safetensors.h"
#include "os/error.h"
#include "os/fd.h"

namespace coldload::api {

namespace {

std::shared_ptr<const Opened> read(const model::Checkpoint& checkpoint) {
  constexpr unsigned k_threads = 16;  // a header on a network file system is a few round trips
  auto opened = std::make_shared<Opened>();
  // Looked at before they are read: who replaces one meanwhile is found out when it is loaded.
  for (const model::CheckpointFile* shard : checkpoint.shards()) {
    const std::string path = checkpoint.path + '/' + shard->name;
    const struct stat info = os::file_status(os::open_regular(path));
    opened->files.push_back({path, static_cast<std::uint64_t>(info.st_size), info.st_mtim});
  }
  std::size_t file = 0;
  for (const model::ShardHeader& header : model::read_headers(checkpoint, k_threads)) {
    const std::uint64_t data = header.data_begin();
    for (const model::Tensor& tensor : header.tensors()) {
      opened->tensors.push_back({std::string(header.name(tensor)), tensor.dtype,
                                 header.shape(tensor), file, data + tensor.begin,
                                 data + tensor.end});
    }
    ++file;
  }
  return opened;
}

}  // namespace

std::shared_ptr<const Opened> open_files(const std::vector<std::string>& paths) {
  if (paths.empty()) throw os::Error("cannot open a checkpoint of no files");
  model::Checkpoint checkpoint;  // of the root folder
  for (const std::string& path : paths) {
    model::CheckpointFile file;
    file.name = std::filesystem::absolute(path).relative_path();
    file.kind = model::FileKind::shard;
    checkpoint.files.push_back(std::move(file));
  }
  return read(checkpoint);
}

std::shared_ptr<const Opened> open_path(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return open_files({path});
  const model::Checkpoint checkpoint = model::open_checkpoint(path);
  if (checkpoint.format != model::Format::safetensors) {
    throw os::Error(
        fmt::format("cannot open {}: its weights are {}, and only safetensors are loaded", path,
                    model::to_string(checkpoint.format)));
  }
  return read(checkpoint);
}

}  // namespace coldload::api
