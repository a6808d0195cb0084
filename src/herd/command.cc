#include "herd/command.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <boost/describe/class.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/types.h>

#include "cli/closing.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/experiment_flags.h"
#include "cli/secrets.h"
#include "cli/targets.h"
#include "gpu/nvml.h"
#include "herd/experiment.h"
#include "herd/message.h"
#include "herd/nodes.h"
#include "herd/placeholders.h"
#include "herd/schedule.h"
#include "herd/warnings.h"
#include "measure/arms.h"
#include "measure/experiment_facts.h"
#include "os/directory.h"
#include "os/error.h"

namespace coldload::herd {

namespace {

using cli::ExperimentRequest;

// With what each node does alone: to look at its checkpoint, say.
constexpr std::chrono::minutes k_patience{10};
// Beyond the time that a server may take: to be ended, and for its records.
constexpr std::chrono::minutes k_to_end{2};

// A word from the first rank: nothing stands in the way.
constexpr const char* k_go = "go";

// What it says when it knows all nodes.
struct Agreement {
  bool is_herd = false;
  std::vector<std::string> shared_gpus;  // by UUID
  std::vector<std::uint64_t> node_of;    // number of its node, by rank
  std::vector<std::uint64_t> processes;  // their ids, by rank

  [[nodiscard]] std::vector<HerdNode> nodes() const {
    std::vector<HerdNode> nodes;
    for (std::size_t rank = 0; rank < node_of.size(); ++rank) {
      if (node_of[rank] == nodes.size()) nodes.push_back({nodes.size(), {}});
      nodes[node_of[rank]].ranks.push_back(static_cast<int>(rank));
    }
    return nodes;
  }
  // The processes of the other ranks on that one's node.
  [[nodiscard]] std::set<pid_t> siblings_of(int rank) const {
    std::set<pid_t> siblings;
    const auto own = static_cast<std::size_t>(rank);
    for (std::size_t other = 0; other < node_of.size(); ++other) {
      if (other == own || node_of[other] != node_of[own]) continue;
      siblings.insert(static_cast<pid_t>(processes[other]));
    }
    return siblings;
  }
};
BOOST_DESCRIBE_STRUCT(Agreement, (), (is_herd, shared_gpus, node_of, processes))

// What the first rank was asked to do; none where there is nothing to do.
struct WordsOfAll {
  std::vector<std::string> words;
  std::vector<std::string> machines;  // that all ranks are on, by rank
};
BOOST_DESCRIBE_STRUCT(WordsOfAll, (), (words, machines))

void check(const ExperimentRequest& request, int ranks) {
  const std::uint64_t most = request.sizes.back();
  const std::uint64_t each = request.per_node;
  const std::string started = fmt::format("mpirun started {} of coldload-mpi",
                                          ranks == 1 ? "only one" : fmt::format("{}", ranks));
  if (most * each > static_cast<std::uint64_t>(ranks)) {
    throw cli::UsageError(fmt::format(
        "--sizes {}{}: {}; start {}, {} on each node: mpirun -n {} --map-by ppr:{}:node "
        "coldload-mpi ...",
        most, each > 1 ? fmt::format(" --per-node {}", each) : "", started, most * each,
        each == 1 ? "one" : fmt::format("{}", each), most * each, each));
  }
  if (static_cast<std::uint64_t>(ranks) % each != 0) {
    throw cli::UsageError(fmt::format(
        "--per-node {}: {}, which makes no whole number of nodes; start {} on each node: mpirun "
        "-n {} --map-by ppr:{}:node coldload-mpi ...",
        each, started, each, static_cast<std::uint64_t>(ranks) / each * each, each));
  }
}

struct Parsed {
  std::optional<ExperimentRequest> request;  // nothing: there is nothing to do
  std::string problem;                       // of a rank that cannot read what the first one can
  std::vector<std::string> machines;         // WordsOfAll's
};

// What the first rank is to do, its environment spelled out, is what all do. Where that cannot be
// right it says so, and all others leave without a word.
Parsed parse_on_all(Ranks* ranks, const std::vector<std::string>& args, bool* in_step) {
  Parsed parsed;
  std::exception_ptr error;
  WordsOfAll told;
  told.machines = ranks->gather(machine_name(), k_patience);
  if (ranks->is_first()) {
    try {
      parsed.request = cli::parse_experiment(cli::ExperimentCommand::herd, args);
      if (parsed.request) {
        check(*parsed.request, ranks->size());
        const std::vector<std::string>& command = parsed.request->plan.facts.command;
        told.words.assign(command.begin() + 1, command.end());
      }
    } catch (const std::exception&) {
      parsed.request.reset();
      error = std::current_exception();
    }
  }
  told = from_message<WordsOfAll>(ranks->tell(to_message(told), k_patience));
  *in_step = told.words.empty();
  parsed.machines = told.machines;
  if (error) std::rethrow_exception(error);
  if (told.words.empty() || ranks->is_first()) return parsed;
  try {
    parsed.request = cli::parse_experiment(cli::ExperimentCommand::herd, told.words);
  } catch (const std::exception& not_here) {
    parsed.problem = not_here.what();
  }
  return parsed;
}

// What this node has to have before anything is evicted or launched.
struct Node {
  std::optional<measure::PlannedArms> planned;
  measure::Targets targets;
  std::unique_ptr<records::Results> results;  // of the first rank
  std::optional<os::Directory> out;
  Warnings watcher;
};

// As they are written, and as the server is told them.
text::Redactor secrets_of(const std::vector<std::string>& command, const Placeholders& values) {
  std::vector<std::string> words = command;
  fill(values, &words);
  words.insert(words.end(), command.begin(), command.end());
  return cli::secrets_of(words);
}

// Looks, and makes the out directory; what cannot be right is in the facts.
NodeFacts look(Parsed* parsed, const Ranks& ranks, const gpu::Nvml& nvml, Node* node) {
  NodeFacts facts;
  facts.host = host_name();
  facts.problem = parsed->problem;
  if (!parsed->request) return facts;
  try {
    ExperimentRequest& request = *parsed->request;
    measure::Plan& plan = request.plan;
    const Placeholders values{ranks.rank(), local_rank_of(ranks.rank(), parsed->machines),
                              facts.host};
    plan.secrets = secrets_of(plan.facts.command, values);
    fill(values, &request);
    node->planned.emplace(plan);
    node->targets = cli::make_targets(request);
    facts = node_of(plan, node->planned->all().front(), nvml);
    if (ranks.is_first()) {
      const std::vector<std::string> launcher{"mpirun", "-n", fmt::format("{}", ranks.size())};
      std::vector<std::string>& command = plan.facts.command;
      command.insert(command.begin(), launcher.begin(), launcher.end());
      node->results = std::make_unique<records::Results>(plan.out_directory);
    }
    std::filesystem::create_directories(plan.out_directory);
    node->out = os::Directory::open(plan.out_directory);
  } catch (const std::exception& error) {
    facts.problem = error.what();
  }
  return facts;
}

// Whether these nodes make a herd, on all ranks; the first says why not.
Agreement agree(Ranks* ranks, const NodeFacts& own, std::uint64_t per_node,
                std::vector<std::string>* hosts, bool* in_step) {
  std::vector<NodeFacts> nodes;
  for (const std::string& message : ranks->gather(to_message(own), k_patience)) {
    nodes.push_back(from_message<NodeFacts>(message));
  }
  NodeDifferences found;
  Agreement agreed;
  if (ranks->is_first()) {
    for (const NodeFacts& node : nodes) hosts->push_back(node.host);
    ranks->name(*hosts);
    found = differences(nodes, per_node, [&](int rank) { return ranks->name_of(rank); });
    agreed.is_herd = found.refusal.empty();
    agreed.shared_gpus = shared_gpus(nodes);
    agreed.node_of.resize(nodes.size());
    for (const HerdNode& node : nodes_of(nodes)) {
      for (const int rank : node.ranks)
        agreed.node_of[static_cast<std::size_t>(rank)] = node.number;
    }
    for (const NodeFacts& node : nodes) agreed.processes.push_back(node.process);
  }
  agreed = from_message<Agreement>(ranks->tell(to_message(agreed), k_patience));
  *in_step = !agreed.is_herd;
  if (!found.refusal.empty()) throw cli::UsageError(found.refusal);
  for (const std::string& remark : found.remarks) cli::print_err("warning: {}\n", remark);
  return agreed;
}

measure::GpusServe gpus_of(const NodeFacts& own, const Agreement& agreed) {
  const std::vector<std::string>& shared = agreed.shared_gpus;
  const bool is_shared = std::any_of(own.gpus.begin(), own.gpus.end(), [&](const auto& gpu) {
    return std::find(shared.begin(), shared.end(), gpu) != shared.end();
  });
  return is_shared ? measure::GpusServe::several_at_once : measure::GpusServe::one_target;
}

// What a node may take before it can launch, beside the user's own lines.
std::chrono::nanoseconds to_prepare(const ExperimentRequest& request) {
  constexpr std::chrono::hours k_to_copy{6};
  const bool copies = request.plan.stage.has_value();
  return copies ? k_patience + k_to_copy : std::chrono::nanoseconds(k_patience);
}

// Nothing where a node cannot be made ready; the first rank throws then what is wrong with which.
std::optional<measure::Arms> prepare(Ranks* ranks, std::chrono::nanoseconds limit, Node* node,
                                     bool* in_step) {
  std::optional<measure::Arms> arms;
  std::string problem;
  try {
    arms.emplace(std::move(*node->planned).prepare(node->targets, node->watcher));
  } catch (const std::exception& error) {
    problem = error.what();
  }
  std::vector<std::string> problems = ranks->gather(problem, limit);
  for (std::size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    problems[rank] = fmt::format("{}: {}", ranks->name_of(static_cast<int>(rank)), problems[rank]);
  }
  std::erase(problems, "");
  const bool is_first = ranks->is_first();
  const std::string word = ranks->tell(is_first && problems.empty() ? k_go : "", limit);
  *in_step = word != k_go;
  if (!problems.empty()) throw os::Error(fmt::format("{}", fmt::join(problems, "; ")));
  for (const std::string& text : node->watcher.take()) cli::print_err("warning: {}\n", text);
  return word == k_go ? std::move(arms) : std::nullopt;
}

// "[3/12] net_herd4, run 2: 8.02 s for all, 7.95 s for the fastest, launched within 0.3 ms"
void tell_trial(std::uint64_t position, std::uint64_t total,
                const std::vector<records::Record>& members) {
  const records::Record& one = members.front();
  const std::string title =
      fmt::format("[{}/{}] {}, run {}: ", position, total, one.storage_mode, one.block);
  double slowest = 0;
  double fastest = 0;
  double skew = 0;
  std::set<std::uint64_t> nodes;
  for (const records::Record& member : members) {
    if (member.status != records::Status::ok || !member.load_s) {
      cli::print_err("{}{}: {}\n", title, records::to_string(member.status), member.reason);
      return;
    }
    const double behind = member.herd->launch_skew_s.value_or(0);
    nodes.insert(member.herd->node.value_or(member.herd->rank));
    const double planned =
        member.herd->stagger_s.value_or(0) * static_cast<double>(nodes.size() - 1);
    slowest = std::max(slowest, behind + *member.load_s);
    fastest = fastest == 0 ? *member.load_s : std::min(fastest, *member.load_s);
    skew = std::max(skew, behind - planned);
  }
  if (members.size() == 1) {
    cli::print_err("{}{:.2f} s, cold={}\n", title, slowest, records::to_string(one.cold));
  } else {
    cli::print_err(
        "{}{:.2f} s until all are ready, {:.2f} s the fastest; launched within {:.1f} "
        "ms, cold={}\n",
        title, slowest, fastest, skew * 1e3, records::to_string(one.cold));
  }
}

// What the first rank records with.
std::unique_ptr<Recorder> recorder_of(const ExperimentRequest& request, Node* node,
                                      const measure::Arms& arms, const gpu::Nvml& nvml,
                                      std::vector<std::string> hosts) {
  const bool is_quiet = request.verbosity == cli::Verbosity::quiet;
  return std::make_unique<Recorder>(
      Recorder{*node->results, measure::gather_facts(request.plan, arms, nvml),
               arms.all().front().model_name, std::move(hosts), request.prepare_server,
               [secrets = request.plan.secrets](const std::string& text) {
                 cli::print_err("warning: {}\n", secrets.apply(text));
               },
               [is_quiet](std::uint64_t position, std::uint64_t total, const auto& members) {
                 if (!is_quiet) tell_trial(position, total, members);
               }});
}

Patience patience_of(const ExperimentRequest& request) {
  const measure::Hooks& hooks = request.plan.starts.front().hooks;
  const auto later = static_cast<std::int64_t>(request.sizes.back() - 1) * request.stagger;
  Patience patience{to_prepare(request), request.timeout + later + k_to_end};
  if (!hooks.prepare.empty()) patience.before_launch += hooks.limit;
  if (!request.prepare_server.empty()) patience.before_launch += hooks.limit;
  return patience;
}

// Where it ends by an error, the report is of what was measured until then.
measure::ExperimentResult run_or_report(const ExperimentRequest& request,
                                        const records::Results& results,
                                        const std::function<measure::ExperimentResult()>& run) {
  try {
    return run();
  } catch (const std::exception&) {
    try {
      static_cast<void>(cli::write_report(results, request.json));
    } catch (const std::exception& second) {
      cli::print_err("warning: {}\n", second.what());  // the first error is the one to tell
    }
    throw;
  }
}

}  // namespace

int run_command(Ranks* ranks, const std::vector<std::string>& args, bool* in_step) {
  *in_step = false;
  Parsed parsed = parse_on_all(ranks, args, in_step);
  if (*in_step) return cli::k_exit_ok;
  Node node;
  std::vector<std::string> hosts;
  const gpu::Nvml nvml;
  const NodeFacts facts = look(&parsed, *ranks, nvml, &node);
  const std::uint64_t per_node = parsed.request ? parsed.request->per_node : 1;
  const Agreement agreed = agree(ranks, facts, per_node, &hosts, in_step);
  if (!agreed.is_herd) return cli::k_exit_ok;
  const ExperimentRequest& request = *parsed.request;
  std::optional<measure::Arms> arms = prepare(ranks, to_prepare(request), &node, in_step);
  if (!arms) return cli::k_exit_ok;

  std::unique_ptr<Recorder> recorder;
  if (ranks->is_first()) recorder = recorder_of(request, &node, *arms, nvml, std::move(hosts));
  const std::string id = ranks->tell(recorder ? recorder->facts.id : "", k_patience);
  // A folder for each rank: the out directory may be one that all see.
  const std::string folder = ranks->is_first() ? id : fmt::format("{}-rank{}", id, ranks->rank());
  NodeTrials trials(request.plan, &*arms, &node.watcher, nvml, gpus_of(facts, agreed),
                    agreed.siblings_of(ranks->rank()), id, measure::LogFolder(*node.out, folder));
  const std::vector<HerdSlot> slots =
      schedule({request.sizes, arms->all().size(), request.plan.count.runs, agreed.nodes(),
                request.plan.seed, request.stagger});
  const Patience patience = patience_of(request);
  const auto run = [&] {
    return run_experiment(request.plan, patience, slots, ranks, &trials, recorder.get());
  };
  if (!ranks->is_first()) {
    static_cast<void>(run());
    *in_step = true;
    return cli::k_exit_ok;
  }
  const measure::ExperimentResult result = run_or_report(request, *node.results, run);
  *in_step = !result.interrupted;
  static_cast<void>(cli::write_report(*node.results, request.json));
  cli::tell_end(request, *node.results, result);
  return cli::exit_code(result, request.plan.ignore_failure, false);
}

}  // namespace coldload::herd
