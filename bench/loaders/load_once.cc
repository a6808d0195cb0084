// One load by coldload's loader in a process of its own, timed as bench/loaders/run times its
// peers: from opening the files, headers included, to the last byte in GPU memory, with the context
// and the ring up before. Two JSON lines: when it begins, and what it measured.
//
//   load_once DIR [into=gpu|host|ring] [threads=N] [ring_mib=N] [verify=1]

#include <algorithm>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "load/loader.h"
#include "model/checkpoint.h"
#include "model/headers.h"
#include "os/clock.h"
#include "os/error.h"

namespace {

using namespace coldload;

load::Options options_of(int argc, char** argv) {
  load::Options options;
  options.into = load::Into::gpu;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string value = argument.substr(std::min(argument.find('=') + 1, argument.size()));
    if (argument == "into=host") options.into = load::Into::host;
    if (argument == "into=ring") options.into = load::Into::ring;
    if (argument.rfind("threads=", 0) == 0) {
      options.threads = static_cast<unsigned>(std::stoul(value));
    }
    if (argument.rfind("ring_mib=", 0) == 0) options.ring_bytes = std::stoull(value) << 20;
    if (argument == "verify=1") options.verify = true;
  }
  return options;
}

void run(const std::string& path, const load::Options& options) {
  const os::TimePoint launched = os::Clock::now();
  load::Loader loader(options);
  loader.prepare();
  fmt::print("{{\"event\":\"loading\"}}\n");
  std::fflush(stdout);
  const os::TimePoint begin = os::Clock::now();
  const model::Checkpoint checkpoint = model::open_checkpoint(path);
  std::vector<load::Shard> shards;
  for (const model::CheckpointFile* file : checkpoint.shards()) {
    shards.push_back({file->real_path, file->bytes});
  }
  auto headers = std::async(std::launch::async, [&] {
    return model::read_headers(checkpoint, std::max(1U, std::thread::hardware_concurrency()));
  });
  const load::Result result = loader.load(shards);
  const std::size_t count = headers.get().size();
  // With verify=1 the reading back is not part of it.
  const double all_s = os::seconds_between(begin, os::Clock::now());
  fmt::print(
      "{{\"event\":\"ready\",\"bytes\":{},\"load_s\":{:.6f},\"read_s\":{:.6f},\"prepare_s\":{:.6f},"
      "\"context_s\":{:.6f},\"pin_s\":{:.6f},\"allocate_s\":{:.6f},\"shards\":{},\"threads\":{},"
      "\"queue_depth\":{},\"in_flight\":{},\"ring_bytes\":{},\"direct_bytes\":{},"
      "\"buffered_bytes\":{},\"checksum\":\"{}\",\"fallbacks\":{}}}\n",
      result.bytes, options.verify ? result.read_s : all_s, result.read_s,
      os::seconds_between(launched, begin), result.context_s.value_or(0), result.pin_s.value_or(0),
      result.allocate_s.value_or(0), count, result.threads, result.queue_depth, result.in_flight,
      result.ring_bytes, result.routes.io_uring_direct + result.routes.pread_direct,
      result.routes.io_uring_buffered + result.routes.pread_buffered, result.checksum.value_or(""),
      result.fallbacks.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr,
               "usage: load_once DIR [into=gpu|host|ring] [threads=N] [ring_mib=N] [verify=1]\n");
    return 2;
  }
  try {
    run(argv[1], options_of(argc, argv));
    std::fflush(stdout);
    std::_Exit(0);  // the driver takes everything back faster than it is given back piece by piece
  } catch (const std::exception& error) {
    fmt::print(stderr, "load_once: {}\n", error.what());
    return 1;
  }
}
