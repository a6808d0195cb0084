// coldload synth: a random-weight checkpoint that real servers accept.

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/live_line.h"
#include "model/synthetic.h"
#include "os/clock.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

std::uint64_t parse_synth_size(const std::string& size) {
  const auto bytes = text::parse_size(size);
  if (!bytes) throw UsageError(fmt::format("--size {} is no size; write 2GB or 500MiB", size));
  if (*bytes < model::k_min_llama_bytes || *bytes > model::k_max_llama_bytes) {
    throw UsageError(fmt::format("--size {} is outside what synth makes: {} to {}", size,
                                 text::format_bytes(model::k_min_llama_bytes),
                                 text::format_bytes(model::k_max_llama_bytes)));
  }
  return *bytes;
}

}  // namespace

int run_synth(const std::vector<std::string>& args) {
  CLI::App app(
      "Make a random-weight Llama checkpoint (BF16, config, tokenizer, index) that real servers "
      "load without a hub. Its size comes within 2 % of what is asked.",
      "coldload synth");
  model::SyntheticOptions options;
  std::string size;
  constexpr std::uint64_t k_max_shards = 10'000;
  app.add_option("DIR", options.directory, "the directory to create; may exist if it is empty")
      ->required();
  app.add_option("--size", size, "bytes of weights: 2GB, 500MiB, ...; 1MB to 2TB")
      ->type_name("SIZE")
      ->required();
  app.add_option("--shards", options.shards, "number of shard files (default: about 2 GB each)")
      ->check(CLI::Range(std::uint64_t{1}, k_max_shards));
  app.add_option("--seed", options.seed, "the same seed gives the same bytes (default: 0)")
      ->check(CLI::NonNegativeNumber);
  if (!parse(app, args)) return k_exit_ok;

  options.bytes = parse_synth_size(size);
  constexpr unsigned k_max_threads = 8;
  options.threads = std::clamp(std::thread::hardware_concurrency(), 1U, k_max_threads);
  LiveLine line;
  options.progress = [&line](std::uint64_t done_bytes, std::uint64_t total_bytes) {
    line.draw(fmt::format("{} of {} written", text::format_bytes(done_bytes),
                          text::format_bytes(total_bytes)));
  };
  const os::TimePoint start = os::Clock::now();
  const model::SyntheticResult result = model::write_synthetic(options);
  const double seconds = os::seconds_between(start, os::Clock::now());
  line.clear();
  for (const std::string& removed : result.removed_partials) {
    print_err("coldload: removed {}, of a synth that was killed\n", removed);
  }
  for (const std::string& left : result.left_alone) print_err("coldload: {}\n", left);
  const double off_percent =
      100 * (static_cast<double>(result.weight_bytes) / static_cast<double>(options.bytes) - 1);
  print_out("{}\n", result.directory);
  print_out("{} ({} bytes, {:+.2f} % of what was asked) in {} shard{}, {} tensors, seed {}\n",
            text::format_bytes(result.weight_bytes), result.weight_bytes, off_percent,
            result.shards, result.shards == 1 ? "" : "s", result.tensors, options.seed);
  print_out(
      "Llama: {} layers, hidden {}, intermediate {}, {} heads, {} key-value heads, "
      "vocabulary {}\n",
      result.shape.layers, result.shape.hidden, result.shape.intermediate, result.shape.heads,
      result.shape.kv_heads, result.shape.vocabulary);
  print_out("written and flushed in {} s ({})\n", text::format_seconds(seconds),
            text::format_rate(static_cast<double>(result.weight_bytes) / seconds));
  return k_exit_ok;
}

}  // namespace coldload::cli
