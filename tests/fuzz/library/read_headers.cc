// Prints what the header of each file says, a line of JSON each: its tensors, or why it is refused.
#include <cstdio>
#include <string>

#include <fcntl.h>

#include "model/dtype.h"
#include "model/safetensors.h"
#include "os/error.h"
#include "os/fd.h"
#include "text/json.h"

namespace coldload {

namespace {

text::json::array tensors_of(const std::string& path) {
  const model::ShardHeader header = model::read_shard_header(os::open_file(path, O_RDONLY));
  text::json::array tensors;
  for (const model::Tensor& tensor : header.tensors()) {
    text::json::array shape;
    for (const std::uint64_t extent : header.shape(tensor)) shape.emplace_back(extent);
    tensors.push_back({header.name(tensor), model::name_of(tensor.dtype), shape, tensor.bytes()});
  }
  return tensors;
}

text::json::value answer(const std::string& path) {
  try {
    return tensors_of(path);
  } catch (const os::Error& error) {
    return error.what();
  }
}

}  // namespace

}  // namespace coldload

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::puts(coldload::text::to_line(coldload::answer(argv[i])).c_str());
  }
}
