#include <fmt/format.h>

#include "cli/command.h"
#include "gpu/host_memory.h"
#include "measure/cold.h"
#include "model/checkpoint.h"
#include "os/child_answer.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "storage/file_systems.h"
#include "storage/holders.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"
#include "text/escape.h"
#include "text/json.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

struct CacheRow {
  std::string path;
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> resident_bytes;
};

struct CacheAnswer {
  std::string path;
  std::vector<CacheRow> rows;
  std::string reason;  // why something is not known, or not as asked
  bool done = true;    // what was asked for was reached
};

std::optional<std::uint64_t> total_resident(const CacheAnswer& answer) {
  std::uint64_t sum = 0;
  for (const CacheRow& row : answer.rows) {
    if (!row.resident_bytes) return std::nullopt;
    sum += *row.resident_bytes;
  }
  return sum;
}

std::uint64_t total_bytes(const CacheAnswer& answer) {
  std::uint64_t sum = 0;
  for (const CacheRow& row : answer.rows) sum += row.bytes;
  return sum;
}

void fill_rows(const storage::PageCacheView& view, CacheAnswer* answer) {
  for (std::size_t i = 0; i < view.size(); ++i) {
    answer->rows.push_back({view.path(i), view.file_bytes(i), view.resident_bytes(i)});
  }
  answer->reason = view.why_unseen();
}

CacheAnswer show(const model::Checkpoint& checkpoint, const storage::PathInfo& info) {
  CacheAnswer answer{checkpoint.path, {}, "", true};
  if (storage::opening_may_drop_pages(info.mount)) {
    for (const model::CheckpointFile& file : checkpoint.files) {
      answer.rows.push_back({file.real_path, file.bytes, std::nullopt});
    }
    answer.reason = info.mount.fs_type +
                    " may drop a file's pages when it is opened, and looking "
                    "means opening";
    return answer;
  }
  fill_rows(storage::PageCacheView(checkpoint.real_paths()), &answer);
  return answer;
}

CacheAnswer evict(const model::Checkpoint& checkpoint, const storage::PathInfo& info) {
  CacheAnswer answer{checkpoint.path, {}, "", true};
  const storage::PageCacheView view(checkpoint.real_paths());
  view.evict(std::chrono::seconds(5));
  fill_rows(view, &answer);
  const auto left = total_resident(answer);
  answer.done = left == 0;
  if (!left || *left == 0) return answer;
  if (info.cache == storage::CacheKind::memory_backed) {
    answer.reason = info.mount.fs_type + " is memory: it cannot be evicted";
    return answer;
  }
  for (const CacheRow& row : answer.rows) {
    if (*row.resident_bytes == 0) continue;
    answer.reason += fmt::format("{}{} stayed in {}", answer.reason.empty() ? "" : "; ",
                                 text::format_bytes(*row.resident_bytes), row.path);
    for (const storage::Holder& holder : storage::find_holders({row.path})) {
      answer.reason += ": " + describe(holder);
    }
  }
  return answer;
}

CacheAnswer warm(const model::Checkpoint& checkpoint, const os::Tell& tell) {
  CacheAnswer answer{checkpoint.path, {}, "", true};
  const std::vector<std::string> paths = checkpoint.real_paths();
  const storage::PageCacheView view(paths);
  std::vector<std::size_t> files;  // another copy of the weights would only take memory
  for (std::size_t i = 0; i < checkpoint.files.size(); ++i) {
    if (checkpoint.files[i].kind != model::FileKind::weights) files.push_back(i);
  }
  view.warm(files, [&](std::uint64_t bytes) { tell("read " + checkpoint.path, bytes); });
  if (os::interrupted()) throw os::Error("interrupted");
  // The next reader will open the files: what counts is what survives that.
  const storage::PageCacheView next_reader(paths);
  fill_rows(view, &answer);
  const auto resident = total_resident(answer);
  const std::uint64_t total = total_bytes(answer);
  // A few pages may be reclaimed again at once; a warm trial asks for as much.
  answer.done = !resident || measure::is_warm(*resident, total);
  if (resident == 0U && total > 0) {
    answer.reason =
        "this mount drops a file's pages whenever it is opened again: it cannot be warmed";
  } else if (resident && *resident < total) {
    answer.reason = fmt::format(
        "{} were dropped again at once: memory is short, limited by a cgroup, or being reclaimed",
        text::format_bytes(total - *resident));
  }
  return answer;
}

std::string json_of(const CacheAnswer& answer) {
  text::json::array files;
  for (const CacheRow& row : answer.rows) {
    files.push_back({{"path", row.path},
                     {"bytes", row.bytes},
                     {"resident_bytes", text::or_null(row.resident_bytes)}});
  }
  const text::json::object out{{"path", answer.path},
                               {"bytes", total_bytes(answer)},
                               {"resident_bytes", text::or_null(total_resident(answer))},
                               {"reason", text::or_null(answer.reason)},
                               {"files", std::move(files)}};
  return text::to_pretty(out);
}

std::string share(const std::optional<std::uint64_t>& resident, std::uint64_t bytes) {
  if (!resident) return "unknown";
  if (bytes == 0) return "empty";
  return fmt::format("{:.1f} %",
                     100.0 * static_cast<double>(*resident) / static_cast<double>(bytes));
}

std::string lines_of(const CacheAnswer& answer) {
  std::string lines;
  const auto line = [&lines](const std::string& name, const std::optional<std::uint64_t>& resident,
                             std::uint64_t bytes) {
    lines +=
        fmt::format("{:>10} of {:>10} {:>8}  {}\n", resident ? text::format_bytes(*resident) : "?",
                    text::format_bytes(bytes), share(resident, bytes), text::one_line(name));
  };
  for (const CacheRow& row : answer.rows) line(row.path, row.resident_bytes, row.bytes);
  line("in total", total_resident(answer), total_bytes(answer));
  return lines;
}

// All that touches the path, which may lie on a mount that hangs: in a child of ours.
text::json::object ask(const std::string& command, const std::string& path, bool json,
                       const os::Tell& tell) {
  tell("look at " + path, 0);
  const model::Checkpoint checkpoint = model::open_checkpoint(path);
  const storage::PathInfo info = storage::inspect_path(path);
  const CacheAnswer answer = command == "show"    ? show(checkpoint, info)
                             : command == "evict" ? evict(checkpoint, info)
                                                  : warm(checkpoint, tell);
  return {{"shown", json ? json_of(answer) : lines_of(answer)},
          {"reason", answer.reason},
          {"done", answer.done}};
}

}  // namespace

int run_cache(const std::vector<std::string>& args) {
  CLI::App app("How much of a checkpoint is in memory; get it out; bring it in.", "coldload cache");
  app.require_subcommand(1);
  std::string path;
  bool json = false;
  for (const auto& [name, text] :
       {std::pair("show", "how much of each file is in memory; changes nothing"),
        std::pair("evict", "drop every file from memory, and measure what is left"),
        std::pair("warm", "read every file into memory")}) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_option("PATH", path, "the checkpoint")->required();
    command->add_flag("--json", json, "for programs");
  }
  if (!parse(app, args)) return k_exit_ok;
  const std::string command = app.get_subcommands().front()->get_name();
  const auto told = os::answer_of_telling_child(
      [&](const os::Tell& tell) { return text::to_line(ask(command, path, json, tell)); });
  if (!told) throw os::Error("interrupted");
  const auto answer = text::parse_json(*told, nullptr).value().get_object();
  print_out("{}", Lines(text::string_at(answer, "shown").value_or("")));
  const std::string reason = text::string_at(answer, "reason").value_or("");
  if (command == "warm" && !json && gpu::gpu_works_in_host_memory()) {
    print_err(
        "coldload: the GPU works in this machine's memory: a server that starts now sees what is "
        "in the page cache as taken; `coldload cache evict` takes it out\n");
  }
  if (!reason.empty() && !json) print_err("coldload: {}\n", reason);
  return answer.at("done").as_bool() ? k_exit_ok : k_exit_failed;
}

}  // namespace coldload::cli
