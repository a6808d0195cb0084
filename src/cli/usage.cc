#include "cli/usage.h"

#include <algorithm>
#include <array>

namespace coldload::cli {

namespace {

constexpr std::array<Usage, 11> k_usages{{
    {"compare", "--path NAME=DIR --path NAME=DIR [FLAGS] [-- SERVER...]",
     "coldload compare --path nvme=/mnt/nvme/M --path net=/mnt/efs/M -- vllm serve {model} --port "
     "{port}\n"
     "coldload compare --path nvme=/mnt/nvme/M --path net=/mnt/efs/M --runs auto --precision 5%\n"
     "coldload compare --path nvme=/mnt/nvme/M --path net=/mnt/nvme/M --stand-in "
     "net=250MB/s,1ms\n"},
    {"measure", "PATH [FLAGS] [-- SERVER...]",
     "coldload measure /mnt/nvme/M --runs 3 -- llama-server -m {model} --port {port}\n"
     "coldload measure /mnt/nvme/M --dry-run\n"},
    {"stage", "SRC DST [FLAGS]",
     "coldload stage /mnt/efs/M /mnt/nvme/M --limit 500MB/s\n"
     "coldload stage --verify /mnt/nvme/M\n"},
    {"floor", "PATH [FLAGS]", "coldload floor /mnt/efs/M --time 10\n"},
    {"cache", "show|evict|warm PATH [FLAGS]", "coldload cache evict /mnt/nvme/M\n"},
    {"inspect", "PATH|ORG/MODEL [FLAGS]",
     "coldload inspect /mnt/efs/M\n"
     "coldload inspect meta-llama/Llama-3.1-8B --tensors\n"},
    {"synth", "DIR --size SIZE [FLAGS]", "coldload synth /mnt/nvme/random --size 2GB\n"},
    {"shape", "SRC MOUNTPOINT --rate RATE [FLAGS]",
     "coldload shape /mnt/nvme/M /mnt/slow --rate 250MB/s --latency 1ms\n"
     "coldload shape /mnt/nvme/M /mnt/slow --preset efs-elastic --daemon\n"},
    {"run", "PATH [FLAGS] -- SERVER...",
     "coldload run /mnt/efs/M -- vllm serve {model} --port 8000\n"
     "coldload run /mnt/efs/M --stage /mnt/nvme/M -- vllm serve {model} --port 8000\n"},
    {"report", "RECORDS... [FLAGS]",
     "coldload report results/storage_layout_bench.jsonl --short\n"
     "coldload report results/*.jsonl --what-if rate=5GB/s\n"},
    {"completions", "bash|zsh|fish",
     "coldload completions bash > ~/.local/share/bash-completion/completions/coldload\n"},
}};

}  // namespace

Usage usage_of(std::string_view command) {
  const auto* const found =
      std::find_if(k_usages.begin(), k_usages.end(),
                   [command](const Usage& usage) { return usage.command == command; });
  return found == k_usages.end() ? Usage{} : *found;
}

bool takes_server(std::string_view command) {
  return usage_of(command).line.find("-- SERVER") != std::string_view::npos;
}

}  // namespace coldload::cli
