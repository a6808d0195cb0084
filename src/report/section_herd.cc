// What it costs when several nodes start at once from one path, and what the storage behind it
// gives.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "findings/herd.h"
#include "findings/herd_intervals.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using findings::HerdModel;
using findings::HerdOfArm;
using findings::HerdSize;

std::string nodes(std::uint64_t count) {
  return count == 1 ? "one node" : fmt::format("{} nodes", count);
}

// "4 nodes", "4 nodes, 2 s apart"
std::string nodes(const HerdSize& size) {
  return size.stagger_s > 0 && size.size > 1
             ? fmt::format("{}, {:g} s apart", nodes(size.size), size.stagger_s)
             : nodes(size.size);
}

// "all of 4 nodes are ready in 8.02 s"
std::string ready_text(const HerdSize& size) {
  const std::string time = in_seconds(size.all_ready_s.median);
  const std::string copied =
      size.copy_s ? fmt::format(", after a copy of {}", in_seconds(*size.copy_s)) : "";
  if (size.size == 1) return fmt::format("one node is ready in {}{}", time, copied);
  const char* const comma = size.stagger_s > 0 ? "," : "";
  return fmt::format("all of {}{} are ready in {}{}", nodes(size), comma, time, copied);
}

// "8.02 s on 4 nodes at once", "8.02 s on 4 nodes of 8 servers at once"
std::string in_short(const HerdSize& size, std::uint64_t per_node) {
  const bool is_at_once = size.size > 1 && size.stagger_s <= 0;
  return fmt::format("{} on {}{}{}", in_seconds(size.all_ready_s.median), nodes(size),
                     per_node == 1 ? "" : fmt::format(" of {} servers", per_node),
                     is_at_once ? " at once" : "");
}

std::string about_sizes(const HerdOfArm& herd) {
  if (herd.sizes.empty()) return "";
  const HerdSize& largest = herd.sizes.back();
  if (herd.sizes.size() == 1) return "";
  const std::string first = nodes(herd.sizes.front().size);
  if (largest.against_smallest->claim == Claim::single_runs) {
    return " Single runs do not tell whether that is chance.";
  }
  if (largest.is_slower()) return "";
  return fmt::format(" These runs do not show that {} take longer than {}.", nodes(largest.size),
                     first);
}

// What the storage gives, and up to how many nodes that is enough.
std::string about_storage(const HerdOfArm& herd) {
  if (!herd.model || !herd.model->total_bytes_per_s) return "";
  const HerdModel& model = *herd.model;
  if (!herd.model_fits()) {
    return " No fixed rate of the storage explains these times to a tenth; the table shows by how "
           "much.";
  }
  constexpr double k_rounding = 0.1;
  const double as_fast = std::floor(*model.knee() + k_rounding);
  const double each_s = model.bytes / *model.total_bytes_per_s;
  const std::string rates =
      fmt::format(" The storage gives {} in all and one node {}",
                  format_rate(*model.total_bytes_per_s), format_rate(model.node_bytes_per_s));
  if (as_fast < 2) {
    return fmt::format(
        "{}: each further node that starts at the same time adds about {} until all are ready.",
        rates, in_seconds(each_s));
  }
  return fmt::format(
      "{}: about {:.0f} nodes start as fast as one, and each further one adds about {} until all "
      "are ready.",
      rates, as_fast, in_seconds(each_s));
}

// "+0.12 s"; what reads as nothing has no minus.
std::string off_by(double measured_s, double predicted_s) {
  constexpr double k_nothing_s = 0.05e-3;
  const double off_s = measured_s - predicted_s;
  return signed_seconds(std::abs(off_s) < k_nothing_s ? 0 : off_s);
}

std::vector<std::string> row_of(const Comparison& comparison, const HerdOfArm& herd,
                                const HerdSize& size) {
  const statistics::Summary& load = size.all_ready_s;
  std::vector<std::string> row{name_of(comparison, herd),
                               size.stagger_s > 0 && size.size > 1
                                   ? fmt::format("{}, {:g} s apart", size.size, size.stagger_s)
                                   : fmt::format("{}", size.size),
                               fmt::format("{}", load.n),
                               fmt::format("**{}**", in_seconds(load.median)),
                               load.n > 1 ? in_seconds({load.min, load.max}) : "",
                               in_seconds(size.fastest_s.median),
                               rate_cell(size.rate_bytes_per_s),
                               size.copy_s ? in_seconds(*size.copy_s) : "",
                               ""};
  if (herd.model && size.stagger_s <= 0) {
    const double predicted_s = herd.model->all_ready_s(static_cast<double>(size.size));
    row.back() = fmt::format("{} ({})", in_seconds(predicted_s), off_by(load.median, predicted_s));
  }
  return row;
}

// Every value, where a table of medians would hide them.
std::string values_of(const Comparison& comparison, const HerdOfArm& herd) {
  std::vector<std::string> sizes;
  for (const HerdSize* size : herd.all()) {
    std::vector<std::string> values;
    for (const double value : size->values_s()) values.push_back(in_seconds(value));
    sizes.push_back(fmt::format("{}: {}", nodes(*size), joined(values)));
  }
  std::string text = fmt::format("{}, until all were ready: ", name_of(comparison, herd));
  for (std::size_t i = 0; i < sizes.size(); ++i) text += (i == 0 ? "" : "; ") + sizes[i];
  return text + '.';
}

// " (95 % interval 49.1 MB/s to 50.2 MB/s)", each end as `word` has it; empty without one.
template <typename Word>
std::string interval_text(const std::optional<statistics::Interval>& interval, Word word) {
  if (!interval) return "";
  return fmt::format(" (95 % interval {} to {})", word(interval->low), word(interval->high));
}

// What the predictions of an arm are made of.
std::string about_model(const Comparison& comparison, const HerdOfArm& herd) {
  const HerdModel& model = *herd.model;
  const findings::HerdIntervals intervals = findings::intervals_of(herd, comparison.facts.target);
  const auto rate = [](double bytes_per_s) { return format_rate(bytes_per_s); };
  std::vector<std::string> parts{fmt::format("{}{} for one node alone",
                                             format_rate(model.node_bytes_per_s),
                                             interval_text(intervals.node_bytes_per_s, rate))};
  if (model.total_bytes_per_s) {
    parts.push_back(fmt::format("{}{} from the storage in all",
                                format_rate(*model.total_bytes_per_s),
                                interval_text(intervals.total_bytes_per_s, rate)));
    const auto number = [](double nodes) { return fmt::format("{:.1f}", nodes); };
    parts.push_back(fmt::format("{} nodes{} as fast as one", number(*model.knee()),
                                interval_text(intervals.knee, number)));
  }
  if (!loads_only(comparison)) {
    const auto seconds = [](double value) { return in_seconds(value); };
    parts.push_back(fmt::format("{}{} of a start beside its weights", in_seconds(model.base_s),
                                interval_text(intervals.base_s, seconds)));
  }
  return fmt::format("{}, derived: {}.", name_of(comparison, herd), joined(parts));
}

std::string about_skew(const HerdOfArm& herd) {
  double skew_s = 0;
  for (const HerdSize* size : herd.all()) skew_s = std::max(skew_s, size->skew_s);
  if (!herd.staggered.empty()) {
    return fmt::format("Launches were off by {:.1f} ms at most.", skew_s * 1e3);
  }
  return fmt::format("The last launch of a herd came at most {:.1f} ms after the first.",
                     skew_s * 1e3);
}

std::string about_hosts(const HerdOfArm& herd) {
  const std::vector<const HerdSize*> sizes = herd.all();
  const bool all_alone =
      std::all_of(sizes.begin(), sizes.end(), [](const HerdSize* size) { return size->size == 1; });
  if (herd.hosts != 1 || all_alone) return "";
  return "**All nodes were one machine,** each with a page cache of its own: they shared its "
         "processors and memory.";
}

// The first herd of all, where later ones of its size tell whether the file server's memory served
// those.
std::string about_first(const Comparison& comparison, const HerdOfArm& herd) {
  const auto first = findings::first_herd_of(comparison, herd);
  if (!first) return "";
  const std::string later = first->later_s.low < first->later_s.high
                                ? in_seconds(first->later_s)
                                : in_seconds(first->later_s.low);
  constexpr double k_least_ratio = 1.1;
  if (first->first_s > k_least_ratio * first->later_s.high) {
    return fmt::format(
        "**The first herd of all took {}, later ones of its size {}:** what was read once may have "
        "stayed in the file server's memory. `--prepare-server` empties it before each herd.",
        in_seconds(first->first_s), later);
  }
  return fmt::format(
      "The first herd of all took {}, later ones of its size {}: nothing shows that these had the "
      "file server's memory to thank.",
      in_seconds(first->first_s), later);
}

void remove_column(std::string_view name, Table* table) {
  const auto column = std::find_if(table->columns.begin(), table->columns.end(),
                                   [name](const auto& one) { return one.title == name; });
  const auto index = column - table->columns.begin();
  table->columns.erase(column);
  for (std::vector<std::string>& row : table->rows) row.erase(row.begin() + index);
}

std::string about_left_out(const HerdOfArm& herd) {
  if (herd.not_whole == 0) return "";
  return fmt::format(
      "{} left out, as a node of it has no usable time; \"What to doubt\" says why.",
      herd.not_whole == 1 ? "One herd is" : fmt::format("{} herds are", herd.not_whole));
}

}  // namespace

std::vector<std::string> answers_about_herds(const Comparison& comparison, Notes* notes) {
  std::vector<std::string> answers;
  for (const HerdOfArm& herd : findings::herds_of(comparison)) {
    const std::string name = name_of(comparison, herd);
    const std::vector<const HerdSize*> sizes = herd.all();
    if (sizes.empty()) {
      answers.push_back(
          fmt::format("No herd from {} counts. \"What to doubt\" "
                      "says why.",
                      name));
      continue;
    }
    std::string text = fmt::format("**From {} {}", name, ready_text(*sizes.front()));
    if (herd.sizes.size() > 1) text += fmt::format(", {}", ready_text(herd.sizes.back()));
    if (!herd.staggered.empty() && sizes.size() > 1) {
      text += fmt::format(", {}", ready_text(herd.staggered.back()));
    }
    std::vector<std::string> caveats = caveats_of(comparison, herd.arm);
    caveats.push_back(about_hosts(herd));
    std::erase(caveats, "");
    answers.push_back(text + "**." + (notes != nullptr ? notes->marks(caveats) : "") +
                      about_sizes(herd) + about_storage(herd));
  }
  return answers;
}

std::string herds_in_short(const Comparison& comparison) {
  std::vector<std::string> texts;
  for (const HerdOfArm& herd : findings::herds_of(comparison)) {
    if (herd.all().empty() || !comparison.arms[herd.arm].is_plain()) continue;
    texts.push_back(in_short(*herd.all().front(), herd.per_node));
    if (herd.sizes.size() > 1) texts.back() += ", " + in_short(herd.sizes.back(), herd.per_node);
  }
  return joined(texts);
}

std::string count_of_herds(const Comparison& comparison) {
  std::size_t trials = 0;
  std::vector<std::string> sizes;
  std::vector<std::string> servers;  // on each node
  bool all_verified = true;
  for (const HerdOfArm& herd : findings::herds_of(comparison)) {
    for (const HerdSize* size : herd.all()) {
      trials += size->runs.size();
      add_once(fmt::format("{}", size->size), &sizes);
      add_once(fmt::format("{}", herd.per_node), &servers);
      for (const findings::HerdRun& run : size->runs) {
        for (const records::Trial* server : run.servers) {
          all_verified = all_verified && server->cold == records::Cold::verified;
        }
      }
    }
  }
  if (trials == 0) return "";
  const bool is_one_each = servers == std::vector<std::string>{"1"};
  return fmt::format("{} {}herd{} of {} nodes{}", trials, all_verified ? "verified cold " : "",
                     trials == 1 ? "" : "s", joined(sizes),
                     is_one_each ? "" : fmt::format(" ({} servers on each)", joined(servers)));
}

std::string herd_section(const Comparison& comparison, const std::string& picture) {
  const std::vector<HerdOfArm> all = findings::herds_of(comparison);
  Table table = table_of({"path"}, {"nodes", "herds", "all ready", "min-max", "fastest node",
                                    "read together", "copied in", "predicted"});
  std::vector<std::string> lines;
  bool any_model = false;
  bool any_copy = false;
  bool any_stagger = false;
  bool any_shared = false;  // nodes with several servers
  for (const HerdOfArm& herd : all) {
    for (const HerdSize* size : herd.all()) {
      table.rows.push_back(row_of(comparison, herd, *size));
      any_copy = any_copy || size->copy_s;
    }
    if (herd.all().empty()) continue;
    any_model = any_model || herd.model;
    any_stagger = any_stagger || !herd.staggered.empty();
    any_shared = any_shared || herd.per_node > 1;
    lines.push_back(values_of(comparison, herd));
    if (herd.model) lines.push_back(about_model(comparison, herd));
    lines.push_back(about_skew(herd));
    if (std::string first = about_first(comparison, herd); !first.empty())
      lines.push_back(std::move(first));
    if (std::string left_out = about_left_out(herd); !left_out.empty()) {
      lines.push_back(std::move(left_out));
    }
  }
  if (table.rows.empty()) return "";
  if (!any_model) remove_column("predicted", &table);
  if (!any_copy) remove_column("copied in", &table);
  const std::string shared =
      any_shared ? " The servers of one node share its memory: the node is ready when the last of "
                   "them is, is cold or not as one, and what they read counts once."
                 : "";
  return "## Several nodes at once\n\n" + picture + markdown_table(table) +
         "\nA herd is one start of so many nodes at the same instant" +
         (any_stagger ? ", or each so long after the one before" : "") +
         ". \"All ready\" is from the first launch until the last of them is ready; how long "
         "single "
         "nodes took stands above. \"Read together\" is what all of them read over that time." +
         shared +
         (any_copy ? " \"Copied in\" is how long the slowest node copied before the launch." : "") +
         (any_model
              ? " \"Predicted\" is what a start takes beside its weights, and its weights at "
                "the rate that one node gets alone or, where that is less, at a node's share of "
                "what the storage gives in all; in brackets, measured less predicted. `coldload "
                "report RECORDS --what-if nodes=64` "
                "does the same for more nodes."
              : "") +
         "\n\n" + bullets(lines) + '\n';
}

}  // namespace coldload::report
