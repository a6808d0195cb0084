#include "measure/cold.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/clock.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

using text::format_bytes;

bool covers(const std::optional<std::uint64_t>& bytes, std::uint64_t needed) {
  return bytes && static_cast<double>(*bytes) >= k_needed_share * static_cast<double>(needed);
}

// What a counter must show.
std::uint64_t stored_bytes(const ColdEvidence& e) {
  return e.stored_bytes.value_or(e.needed_bytes);
}

// A counter that shows less than the files' size proves nothing where what is stored is not known.
ColdVerdict not_comparable(const ColdEvidence& e, const std::string& figures) {
  return {records::Cold::unknown,
          fmt::format("{}: bytes read cannot be compared with the files' size ({})",
                      e.not_comparable, figures)};
}

// "of the 67.1 MB needed", "of the 50.5 MB that storage holds of the 67.1 MB needed".
std::string of_the_needed(const ColdEvidence& e) {
  const std::string needed = format_bytes(e.needed_bytes);
  if (stored_bytes(e) == e.needed_bytes) return fmt::format("of the {} needed", needed);
  return fmt::format("of the {} that storage holds of the {} needed", format_bytes(stored_bytes(e)),
                     needed);
}

// Whether it is known what the target's own processes read.
bool has_target_account(const ColdEvidence& e) {
  return e.processes_are_charged && e.observed.target_bytes;
}

std::string describe_leftovers(const ColdEvidence& evidence) {
  std::vector<std::string> parts;
  for (const Leftover& left : evidence.leftovers) {
    parts.push_back(fmt::format(
        "{} pages ({}) of {} stayed in memory{}", left.resident_pages,
        format_bytes(left.resident_bytes), left.path,
        left.holders.empty() ? "" : fmt::format(": {}", fmt::join(left.holders, ", "))));
    constexpr std::size_t k_enough = 3;
    if (parts.size() == k_enough && evidence.leftovers.size() > k_enough) {
      parts.push_back(fmt::format("and {} more files", evidence.leftovers.size() - k_enough));
      break;
    }
  }
  if (parts.empty()) {
    return fmt::format("{} stayed in memory", format_bytes(*evidence.resident_bytes_before));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// Of the counters, once it is known that they were read: verified where the checkpoint was read
// from storage, by the target.
ColdVerdict judge_target_share(const ColdEvidence& e) {
  if (covers(e.observed.target_bytes, stored_bytes(e))) return {records::Cold::verified};
  const std::string figures = fmt::format(
      "storage delivered {}, the target's own processes read {} {}", format_bytes(*e.counter_bytes),
      format_bytes(*e.observed.target_bytes), of_the_needed(e));
  if (!e.not_comparable.empty()) return not_comparable(e, figures);
  if (e.observed.lost_children) {
    return {records::Cold::unknown,
            figures +
                "; a process of the target ignores SIGCHLD, so the kernel forgot what its "
                "children read"};
  }
  if (e.observed.foreign_readers.empty()) {
    return {records::Cold::not_cold, figures + ": something else read the rest"};
  }
  return {records::Cold::not_cold,
          fmt::format("{}; meanwhile {}", figures, fmt::join(e.observed.foreign_readers, ", "))};
}

// Whose reads they may have been beside the target's; empty where nobody else was at the files.
std::string others_at_the_files(const Observed& seen) {
  if (!seen.foreign_readers.empty())
    return fmt::format("{}", fmt::join(seen.foreign_readers, ", "));
  if (seen.gap.empty()) return "";
  return "who else had the files open is not known: " + seen.gap;
}

ColdVerdict judge_path_counter(const ColdEvidence& e) {
  if (!covers(e.counter_bytes, stored_bytes(e))) {
    const std::string figures = fmt::format(
        "the load read {} from storage ({}), {} has {}", format_bytes(*e.counter_bytes),
        e.counter_source,
        stored_bytes(e) == e.needed_bytes ? "the checkpoint" : "which of the checkpoint",
        format_bytes(stored_bytes(e)));
    if (!e.not_comparable.empty()) return not_comparable(e, figures);
    return {records::Cold::not_cold, figures + ": part of it was not read, or came from memory"};
  }
  if (has_target_account(e)) return judge_target_share(e);
  // Nobody can say whose reads these were: somebody else with the files open spoils it.
  if (const std::string others = others_at_the_files(e.observed); !others.empty()) {
    return {records::Cold::unknown,
            fmt::format("the {} counter cannot tell the target's reads from those of others: {}",
                        e.counter_source, others)};
  }
  return {records::Cold::verified};
}

ColdVerdict judge_processes_alone(const ColdEvidence& e) {
  if (covers(e.observed.target_bytes, stored_bytes(e))) return {records::Cold::verified};
  const std::string figures =
      fmt::format("the target's processes read {} from storage, {} has {}",
                  format_bytes(*e.observed.target_bytes),
                  stored_bytes(e) == e.needed_bytes ? "the checkpoint" : "which of the checkpoint",
                  format_bytes(stored_bytes(e)));
  if (!e.not_comparable.empty()) return not_comparable(e, figures);
  return {e.observed.lost_children ? records::Cold::unknown : records::Cold::not_cold, figures};
}

// All of the weights were in the page cache while it loaded, though not all at once.
bool came_one_after_another(const ColdEvidence& e) {
  // The needed share and three standard errors of the estimate more.
  constexpr double k_needed_of_estimate = 0.99;
  return static_cast<double>(e.weights_resident_once.value_or(0)) >=
         k_needed_of_estimate * static_cast<double>(e.needed_bytes);
}

// No truthful counter: all needed pages resident afterwards, but for those that the target says it
// read past the page cache, and nobody else at the files.
ColdVerdict judge_residency_alone(const ColdEvidence& e) {
  if (!e.weights_resident_after) {
    return {records::Cold::unknown,
            fmt::format("{}, and residency cannot be seen: {}", e.no_counter_reason, e.why_unseen)};
  }
  if (const std::string others = others_at_the_files(e.observed); !others.empty()) {
    return {records::Cold::unknown, fmt::format("{}, and {}", e.no_counter_reason, others)};
  }
  if (!covers(*e.weights_resident_after + e.direct_bytes.value_or(0), e.needed_bytes) &&
      !came_one_after_another(e)) {
    return {records::Cold::unknown,
            fmt::format("{}, and after the load only {} of {} are in the page cache",
                        e.no_counter_reason, format_bytes(*e.weights_resident_after),
                        format_bytes(e.needed_bytes))};
  }
  ColdVerdict verdict{records::Cold::verified};
  const bool direct = e.direct_bytes.value_or(0) > 0;
  verdict.storage_bytes_source = direct ? "direct_io" : "residency";
  if (direct) verdict.storage_bytes_read = e.direct_bytes;
  return verdict;
}

// A counter that other reads are in too is believed only where the page cache does not contradict
// it: a target that read half of the weights and much of its own code leaves half of them resident.
std::string contradiction_of_residency(const ColdEvidence& e) {
  if (e.counter_this_mount_only || !e.cache_can_hold || !e.weights_resident_after) return "";
  if (covers(e.weights_resident_after, e.needed_bytes)) return "";
  if (came_one_after_another(e)) return "";
  const double share = static_cast<double>(*e.weights_resident_after) /
                       static_cast<double>(std::max<std::uint64_t>(e.needed_bytes, 1));
  // Nothing resident: the target read around the page cache (O_DIRECT), or dropped it behind.
  if (share <= 1 - k_needed_share) return "";
  return fmt::format(
      "enough bytes were read, but only {} of the {} are in the page cache "
      "afterwards: the rest of the bytes may not be the checkpoint's",
      format_bytes(*e.weights_resident_after), format_bytes(e.needed_bytes));
}

// Where storage holds much less than the checkpoint has, its counter does not tell that all of it
// was read: the page cache must, or the target's own account of what it read past it.
std::string doubt_about_the_rest(const ColdEvidence& e) {
  if (!e.not_comparable.empty() || covers(stored_bytes(e), e.needed_bytes)) return "";
  const std::uint64_t came = e.weights_resident_after.value_or(0) + e.direct_bytes.value_or(0);
  if (covers(came, e.needed_bytes) || came_one_after_another(e)) return "";
  return fmt::format(
      "storage holds only {} of the checkpoint's {} (it has holes, or is compressed), and whether "
      "the rest was read does not show: {} of it are in the page cache afterwards",
      format_bytes(stored_bytes(e)), format_bytes(e.needed_bytes),
      e.weights_resident_after ? format_bytes(*e.weights_resident_after) : "an unknown share");
}

// Why it cannot be called verified although enough was read; empty where it can.
std::string doubt(const ColdEvidence& e) {
  if (std::string why = contradiction_of_residency(e); !why.empty()) return why;
  if (std::string why = doubt_about_the_rest(e); !why.empty()) return why;
  // Bytes alone do not make it verified: both must hold.
  if (!e.resident_bytes_before) {
    return fmt::format("residency before launch could not be seen: {}; the bytes read are enough",
                       e.why_unseen);
  }
  return e.hidden_cache;
}

ColdVerdict judge_reads(const ColdEvidence& e) {
  if (e.weights_read == WeightsRead::not_at_all) {
    return {
        records::Cold::not_cold,
        fmt::format("no weight was read from storage: of {} file{} that may hold weights, none was "
                    "opened while it loaded",
                    e.candidates, e.candidates == 1 ? "" : "s")};
  }
  if (e.weights_read == WeightsRead::hardly) {
    return {records::Cold::unknown,
            "no weight was seen to be read: weight files were opened, but hardly any of their "
            "bytes came from storage into the page cache, and none past it"};
  }
  if (e.counter_bytes) return judge_path_counter(e);
  return has_target_account(e) ? judge_processes_alone(e) : judge_residency_alone(e);
}

ColdVerdict judge(const ColdEvidence& e) {
  if (std::string why = doubt_about_times(e.standstill); !why.empty()) {
    return {records::Cold::unknown, std::move(why)};
  }
  if (e.memory_backed) {
    return {records::Cold::not_applicable,
            fmt::format("{} is memory: it can never be cold", e.fs_type)};
  }
  if (e.resident_bytes_before.value_or(0) > 0) {
    return {records::Cold::not_cold, describe_leftovers(e)};
  }
  ColdVerdict verdict = judge_reads(e);
  if (!verdict.reason.empty()) return verdict;
  verdict.reason = doubt(e);
  if (!verdict.reason.empty()) verdict.cold = records::Cold::unknown;
  return verdict;
}

}  // namespace

bool is_warm(std::uint64_t resident_bytes, std::uint64_t needed_bytes) {
  return covers(resident_bytes, needed_bytes);
}

bool came_into_memory(const ColdEvidence& e) {
  return covers(e.weights_resident_after, e.needed_bytes) || came_one_after_another(e);
}

std::string doubt_about_times(const os::Standstill& standstill) {
  const auto seconds = [](os::Clock::duration d) {
    return text::format_seconds(os::Seconds(d).count());
  };
  if (standstill.suspended.count() > 0) {
    return fmt::format(
        "the machine was suspended for {} s while it loaded: how long that took is not known",
        seconds(standstill.suspended));
  }
  if (standstill.stopped.count() > 0) {
    return fmt::format(
        "coldload itself stood still for {} s while it watched (stopped, frozen, or with its "
        "machine): when the target was ready is not known",
        seconds(standstill.stopped));
  }
  return "";
}

ColdVerdict judge_cold(const ColdEvidence& e) {
  ColdVerdict verdict = judge(e);
  if (!e.memory_share.empty()) {
    const bool rest_is_cold = verdict.cold == records::Cold::verified;
    if (rest_is_cold) verdict.cold = records::Cold::not_applicable;
    verdict.reason = fmt::format("{}: that can never be cold; of the rest: {}", e.memory_share,
                                 rest_is_cold ? "read from storage" : verdict.reason);
  }
  if (e.counter_bytes) {
    verdict.storage_bytes_read = e.counter_bytes;
    verdict.storage_bytes_source = e.counter_source;
  } else if (has_target_account(e)) {
    verdict.storage_bytes_read = e.observed.target_bytes;
    verdict.storage_bytes_source = "process_tree";
  }
  return verdict;
}

records::Cold cold_word(const TrialEnd& end) {
  if (!end.times_known) return records::Cold::unknown;
  if (end.kind == TrialKind::warm) return records::Cold::warm;
  if (!starts_cold(end.kind) || end.policy == ColdPolicy::off) return records::Cold::off;
  if (end.loaded) return end.judged;
  return end.memory_backed ? records::Cold::not_applicable : records::Cold::unknown;
}

}  // namespace coldload::measure
