// Records for tests: a plausible experiment, changed where a test needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "records/record.h"

namespace coldload {

inline records::ArmFacts arm(const std::string& label) {
  records::ArmFacts facts;
  facts.label = label;
  facts.path = "/mnt/" + label + "/Llama-3.1-8B";
  facts.storage = {{"fs_type", "ext4"},
                   {"mount_point", "/mnt/" + label},
                   {"mount_source", "/dev/vdb"},
                   {"mount_options", "rw,relatime"},
                   {"device", "vdb"},
                   {"device_model", nullptr},
                   {"rotational", false},
                   {"scheduler", "none"},
                   {"readahead_kb", 128},
                   {"network", false},
                   {"network_reason", "ext4 on a block device of this machine"}};
  return facts;
}

// A floor with every figure of a path without a GPU.
inline records::Floor floor_at(double bytes_per_s) {
  records::Floor floor;
  floor.reads.direct = true;
  floor.reads.levels = {{1, {bytes_per_s * 0.4, "", 200'000'000, 0.4}},
                        {8, {bytes_per_s, "", 500'000'000, 0.4}},
                        {32, {std::nullopt, "no time was left", 0, 0}}};
  floor.reads.sequential = {bytes_per_s * 0.6, "", 300'000'000, 0.4};
  floor.reads.latency = {0.00008, 0.0002, "", 2000};
  floor.reads.page_cache = {12.5e9, "", 4'000'000'000, 0.32};
  floor.reads.page_cache_threads = 16;
  floor.gpu.reason = "no CUDA driver found";
  return floor;
}

inline records::ArmFacts stand_in_arm(const std::string& label, double rate_bytes_per_s) {
  records::ArmFacts facts = arm(label);
  facts.path = "/mnt/nvme/Llama-3.1-8B";
  records::StandInFacts stand_in;
  stand_in.spec = "250MB/s,1ms";
  stand_in.method = "fuse";
  stand_in.rate_bytes_per_s = rate_bytes_per_s;
  stand_in.latency_s = 0.001;
  stand_in.delivered_read_bytes_per_s = rate_bytes_per_s * 0.99;
  stand_in.delivered_mmap_bytes_per_s = rate_bytes_per_s * 0.97;
  stand_in.readahead_bytes = 4 << 20;
  facts.stand_in = stand_in;
  return facts;
}

inline records::ExperimentFacts experiment(std::vector<records::ArmFacts> arms) {
  records::ExperimentFacts facts;
  facts.id = "20250307T101112Z-4af1";
  facts.order = "random";
  facts.seed = 41;
  facts.cold_policy = "verify";
  facts.target = "native";
  facts.command = {"coldload", "compare",
                   "--path",   "nvme=/mnt/nvme/Llama-3.1-8B",
                   "--path",   "net=/mnt/net/Llama-3.1-8B",
                   "--out",    "results"};
  facts.arms = std::move(arms);
  facts.budgets_s = {{"dev", 120}, {"internal", 60}, {"user", 20}};
  facts.environment = {{"os", "Debian GNU/Linux 12 (bookworm)"},
                       {"kernel", "6.1.0-18-amd64"},
                       {"cpu", "AMD EPYC 7B13"},
                       {"cores", 16},
                       {"memory_bytes", 67'430'428'672},
                       {"gpus", text::json::array{}},
                       {"gpu_reason", "libnvidia-ml.so.1 is not installed"},
                       {"coldload", {{"version", "0.1.0"}, {"commit", "0123456789ab"}}}};
  return facts;
}

// A verified cold trial of 2.16 GB.
inline records::Record cold_trial(const records::ExperimentFacts& facts, const std::string& label,
                                  double load_s) {
  records::Record record;
  record.experiment = facts;
  record.started_at = "2025-03-07T10:11:12Z";
  record.arm = label;
  record.storage_mode = label;
  record.path = "/mnt/" + label + "/Llama-3.1-8B";
  record.model = "Llama-3.1-8B";
  record.cold = records::Cold::verified;
  record.load_s = load_s;
  record.gpu_mem_source = "no GPU: libnvidia-ml.so.1 is not installed";
  record.argv = {"coldload", "native-load", record.path};
  record.checkpoint_bytes = 2'160'000'000;
  record.resident_bytes_before = 0;
  record.resident_bytes_after = 0;
  record.storage_bytes_read = 2'160'123'392;
  record.storage_bytes_source = "block_device";
  return record;
}

inline records::Record warm_trial(const records::ExperimentFacts& facts, const std::string& label,
                                  double load_s) {
  records::Record record = cold_trial(facts, label, load_s);
  record.storage_mode = label + "_warm";
  record.cold = records::Cold::warm;
  record.resident_bytes_before = record.checkpoint_bytes;
  record.resident_bytes_after = record.checkpoint_bytes;
  record.storage_bytes_read = 0;
  return record;
}

// A start with more than the weights out of memory; its program lies at `program_mount`.
inline records::Record deeper_trial(const records::ExperimentFacts& facts, const std::string& label,
                                    records::Layer layer, double load_s,
                                    const std::string& program_mount = "/") {
  const bool is_first = layer == records::Layer::first;
  records::Record record = cold_trial(facts, label, load_s);
  record.storage_mode = label + (is_first ? "_first" : "_node");
  record.layer = layer;
  record.caches = is_first ? records::Caches::filled : records::Caches::hit;
  record.caches_written_files = is_first ? 40 : 0;
  record.caches_written_bytes = is_first ? 155'000'000 : 0;
  records::StartSetFacts& set = record.start_set.emplace();
  set.source = "fanotify";
  const bool is_network = program_mount != "/";
  set.groups.push_back({"program", 9'400, 2'600'000'000, 15'000'000, 15'000'000, 2'400'000'000,
                        program_mount, is_network ? "nfs4" : "ext4", is_network});
  if (!is_first) {
    set.groups.push_back({"caches", 310, 420'000'000, 0, 0, 120'000'000, "/", "ext4", false});
  }
  set.held_by = {"process 1 (systemd)"};
  return record;
}

// One trial of a herd: nodes that were launched at the same moment, or each `stagger_s` after the
// one before; `load_s` of each.
inline std::vector<records::Record> herd_trial(const records::ExperimentFacts& facts,
                                               const std::string& label, std::uint64_t position,
                                               const std::vector<double>& load_s,
                                               std::optional<double> stagger_s = {}) {
  std::vector<records::Record> records;
  for (std::size_t rank = 0; rank < load_s.size(); ++rank) {
    records::Record record = cold_trial(facts, label, load_s[rank]);
    record.storage_mode = label + "_herd" + std::to_string(load_s.size());
    record.layer = records::Layer::weights;
    record.position = position;
    record.run_id = 100 * position + rank + 1;
    const double skew_s = (stagger_s.value_or(0) + 0.0004) * static_cast<double>(rank);
    record.herd = records::HerdFacts{load_s.size(), rank,      "node-" + std::to_string(rank),
                                     skew_s,        stagger_s, 0.00001};
    records.push_back(std::move(record));
  }
  return records;
}

// The same with `per_node` servers on each node, whose times stand beside each other in `load_s`.
inline std::vector<records::Record> shared_herd_trial(const records::ExperimentFacts& facts,
                                                      const std::string& label,
                                                      std::uint64_t position, std::size_t per_node,
                                                      const std::vector<double>& load_s) {
  std::vector<records::Record> records = herd_trial(facts, label, position, load_s);
  for (records::Record& record : records) {
    records::HerdFacts& herd = *record.herd;
    herd.size = load_s.size() / per_node;
    herd.per_node = per_node;
    herd.node = herd.rank / per_node;
    herd.host = "node-" + std::to_string(*herd.node);
    herd.launch_skew_s = 0;
    record.storage_mode =
        label + "_herd" + std::to_string(herd.size) + "x" + std::to_string(per_node);
  }
  return records;
}

// Numbers run_id and position through, as a sink does.
inline std::vector<records::Record> numbered(std::vector<records::Record> records) {
  std::uint64_t number = 0;
  for (records::Record& record : records) {
    record.run_id = ++number;
    record.position = number;
    record.block = 1 + (number - 1) / 2;
  }
  return records;
}

}  // namespace coldload
