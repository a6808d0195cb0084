// Experiments that differ in what may be said of them; the golden reports are written from these.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "records/trial_figures.h"
#include "unit/records/records.h"

namespace coldload {

struct ReportCase {
  std::string name;
  std::vector<records::Record> records;
};

inline records::Floor with_gpu(records::Floor floor) {
  floor.gpu = {};
  floor.gpu.index = 0;
  floor.gpu.name = "NVIDIA H100 80GB HBM3";
  floor.gpu.context_s = 0.31;
  floor.gpu.pin_bytes_per_s = 5.2e9;
  floor.gpu.transfers = {{std::nullopt, 25.1e9, 24.9e9, 26.0e9, 25.7e9, ""}};
  return floor;
}

inline void add_server_facts(records::Record* record, double weights_s) {
  record->argv = {"vllm", "serve", record->path, "--port", "39113", "--max-model-len", "4096"};
  record->max_model_len = 4096;
  record->gpu_mem_used_mb = 66190;
  record->gpu_mem_source = "nvml";
  record->first_token_s = 0.21;
  record->checkpoint_bytes = 16'060'522'240;
  if (record->cold == records::Cold::verified) record->storage_bytes_read = 16'071'000'064;
  const double end_s = 4.9 + weights_s;
  record->phases = {{"start", 0, 4.9, "log"},
                    {"weights", 4.9, end_s, "log"},
                    {"compile", end_s, end_s + 2.1, "log"},
                    {"http", end_s + 2.1, end_s + 2.3, "log"}};
  record->unattributed_s = *record->load_s - (end_s + 2.3);
  record->reported = {{"version", "0.24.0"}};
  record->log_file = "logs/vllm.log";
}

// A real server, two real mounts, five verified runs each: net is far slower.
inline ReportCase net_much_slower() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  facts.target = "generic";
  facts.command = {"coldload",
                   "compare",
                   "--path",
                   "nvme=/mnt/nvme/Llama-3.1-8B",
                   "--path",
                   "net=/mnt/net/Llama-3.1-8B",
                   "--budget",
                   "user=30s",
                   "--",
                   "vllm",
                   "serve",
                   "{model}",
                   "--port",
                   "{port}",
                   "--max-model-len",
                   "4096"};
  facts.arms[1].storage["fs_type"] = "nfs4";
  facts.arms[1].storage["mount_source"] = "fs-1234.efs.eu-west-1.amazonaws.com:/";
  facts.arms[1].storage["mount_options"] = "rw,vers=4.1,rsize=1048576,nconnect=8";
  facts.arms[1].storage["device"] = nullptr;
  facts.arms[1].storage["rotational"] = nullptr;
  facts.arms[1].storage["scheduler"] = nullptr;
  facts.arms[1].storage["network"] = true;
  facts.arms[1].storage["network_reason"] = "nfs4 is a network file system";
  facts.environment["gpus"] = {
      {{"name", "NVIDIA H100 80GB HBM3"}, {"memory_mib", 81559}, {"driver", "550.54.15"}}};
  facts.environment["gpu_reason"] = nullptr;
  facts.budgets_s["user"] = 30;
  facts.budgets_set_by_user = {"user"};
  facts.gpu_hour_price = 2.5;
  facts.arms[0].floor = with_gpu(floor_at(6.1e9));
  facts.arms[1].no_floor_reason = "the read of /mnt/net/x at offset 0 has not returned for 13 s";
  facts.baseline_file = "day-008.csv";
  facts.baseline = {{"nvme", 31.2}, {"nvme", 30.8}, {"nvme_warm", 8.4}, {"efs", 70}};
  std::vector<records::Record> records;
  const double nvme_s[] = {13.3, 12.9, 13.8, 13.1, 13.5};
  const double net_s[] = {34.7, 34.1, 36.2, 34.4, 35.0};
  for (std::size_t block = 0; block < 5; ++block) {
    records.push_back(cold_trial(facts, "nvme", nvme_s[block]));
    add_server_facts(&records.back(), nvme_s[block] - 7.8);
    records.push_back(cold_trial(facts, "net", net_s[block]));
    add_server_facts(&records.back(), net_s[block] - 7.9);
    records.back().storage_bytes_source = "nfs_mountstats";
  }
  records[6].remarks = {"another process read 0.2 GB from vdb during the load"};
  records.push_back(warm_trial(facts, "nvme", 8.1));
  add_server_facts(&records.back(), 0.3);
  records.push_back(warm_trial(facts, "net", 8.3));
  add_server_facts(&records.back(), 0.4);
  for (records::Record& record : records) {
    records::apply_floor(facts.arms[record.arm == "nvme" ? 0 : 1], facts.target, &record);
  }
  return {"net_much_slower", numbered(std::move(records))};
}

// One run each and next to nothing between them.
inline ReportCase single_runs() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  return {"single_runs",
          numbered({cold_trial(facts, "nvme", 1.402), cold_trial(facts, "net", 1.431)})};
}

// Five runs each that overlap.
inline ReportCase no_difference() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  std::vector<records::Record> records;
  const double nvme_s[] = {1.41, 1.52, 1.38, 1.47, 1.44};
  const double net_s[] = {1.45, 1.39, 1.50, 1.43, 1.46};
  for (std::size_t block = 0; block < 5; ++block) {
    records.push_back(cold_trial(facts, "nvme", nvme_s[block]));
    records.push_back(cold_trial(facts, "net", net_s[block]));
  }
  records.push_back(warm_trial(facts, "nvme", 1.40));
  records.push_back(warm_trial(facts, "net", 0.62));
  return {"no_difference", numbered(std::move(records))};
}

// What the demo does: the native loader, and a stand-in for the network.
inline ReportCase behind_a_stand_in() {
  records::ExperimentFacts facts = experiment({arm("nvme"), stand_in_arm("net", 250e6)});
  facts.command = {"coldload",   "compare",
                   "--path",     "nvme=/mnt/nvme/Llama-3.1-8B",
                   "--path",     "net=/mnt/nvme/Llama-3.1-8B",
                   "--stand-in", "net=250MB/s,1ms"};
  facts.arms[0].floor = floor_at(2.4e9);
  facts.arms[1].floor = floor_at(250e6);
  std::vector<records::Record> records;
  const double nvme_s[] = {1.31, 1.29, 1.33, 1.30, 2.90};
  const double net_s[] = {8.71, 8.72, 8.74, 8.75, 8.76};
  for (std::size_t block = 0; block < 5; ++block) {
    records.push_back(cold_trial(facts, "nvme", nvme_s[block]));
    records.push_back(cold_trial(facts, "net", net_s[block]));
    records.back().storage_bytes_source = "stand_in";
  }
  records.push_back(warm_trial(facts, "nvme", 0.41));
  records.push_back(warm_trial(facts, "net", 0.43));
  for (records::Record& record : records) {
    record.phases = {{"start", 0, 0.02, "loader"}, {"weights", 0.02, *record.load_s, "loader"}};
    records::apply_floor(facts.arms[record.arm == "nvme" ? 0 : 1], facts.target, &record);
  }
  return {"stand_in", numbered(std::move(records))};
}

// A placeholder, trials that are not what they should be, and text that would break out.
inline ReportCase hostile() {
  const std::string evil =
      "a|b`c<script>alert(1)</script>\n## x [l](http://e.vil) *b* \x1b[31m\xFF";
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  facts.arms[0].path = "/mnt/" + evil;
  facts.arms[0].storage["mount_options"] = evil;
  facts.arms[1].path.clear();
  facts.arms[1].storage.clear();
  facts.arms[1].placeholder = true;
  facts.arms[1].missing = "MODEL_PATH_NET names /mnt/net, which is not there " + evil;
  facts.environment["gpu_reason"] = evil;
  facts.environment["os"] = evil;
  facts.command = {"coldload", "compare", "--path", "nvme=" + evil,
                   "--path",   "net=",    "--note", "```"};
  std::vector<records::Record> records;
  for (const double load_s : {4.2, 4.3, 4.4}) {
    records.push_back(cold_trial(facts, "nvme", load_s));
    records.back().path = facts.arms[0].path;
    records.back().model = evil;
    records.back().note = evil;
    records.back().remarks = {evil};
    records.back().argv = {"server", facts.arms[0].path};
  }
  records[0].status = records::Status::not_cold;
  records[0].cold = records::Cold::not_cold;
  records[0].reason = "12 of 4096 pages of model.safetensors stayed: locked by " + evil;
  records[1].status = records::Status::failed;
  records[1].cold = records::Cold::unknown;
  records[1].load_s.reset();
  records[1].reason = "exit code 1: " + evil;
  records[1].log_file = evil;
  return {"hostile", numbered(std::move(records))};
}

// Nothing that counts: the only path is one where every trial failed.
inline ReportCase nothing_usable() {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  std::vector<records::Record> records{cold_trial(facts, "nvme", 9), cold_trial(facts, "nvme", 9)};
  for (records::Record& record : records) {
    record.status = records::Status::timed_out;
    record.cold = records::Cold::unknown;
    record.load_s.reset();
    record.reason = "no HTTP 200 within 30 s";
  }
  return {"nothing_usable", numbered(std::move(records))};
}

// `measure`: one path, three runs.
inline ReportCase one_path() {
  records::ExperimentFacts facts = experiment({arm("path")});
  facts.command = {"coldload", "measure", "/mnt/path/Llama-3.1-8B", "--runs", "3"};
  return {"one_path", numbered({cold_trial(facts, "path", 21.5), cold_trial(facts, "path", 22.5),
                                cold_trial(facts, "path", 19.5), warm_trial(facts, "path", 3.1)})};
}

// Three paths, three runs each: one far slower, one memory-backed.
inline ReportCase three_paths() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net"), arm("shm")});
  facts.cold_policy = "verify";
  facts.arms[2].storage["fs_type"] = "tmpfs";
  std::vector<records::Record> records;
  for (const double step : {0.0, 0.1, 0.2}) {
    records.push_back(cold_trial(facts, "nvme", 2.0 + step));
    records.push_back(cold_trial(facts, "net", 8.0 + step));
    records.push_back(cold_trial(facts, "shm", 0.5 + step));
    records.back().cold = records::Cold::not_applicable;
    records.back().reason = "tmpfs keeps files in memory: it cannot be cold";
    records.back().storage_bytes_read.reset();
    records.back().storage_bytes_source.clear();
  }
  return {"three_paths", numbered(std::move(records))};
}

// Two labels, one disk, and a trend over the hour.
inline ReportCase same_storage() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("copy")});
  facts.same_storage = {{"nvme", "copy", "on the same file system and device (ext4 on vdb)"}};
  std::vector<records::Record> records;
  for (int block = 0; block < 6; ++block) {
    records.push_back(cold_trial(facts, "nvme", 3.0 + 0.2 * block));
    records.push_back(cold_trial(facts, "copy", 3.1 + 0.2 * block));
  }
  return {"same_storage", numbered(std::move(records))};
}

// A vLLM with caches of its own: two starts of one path compiled all the same.
inline ReportCase missed_caches() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  facts.target = "vllm";
  facts.environment["server"] = {{"compile_cache", "private"}};
  std::vector<records::Record> records;
  const double nvme_s[] = {12.9, 13.1, 40.2, 13.0, 41.3, 12.8};
  for (std::size_t block = 0; block < 6; ++block) {
    records.push_back(cold_trial(facts, "nvme", nvme_s[block]));
    records.push_back(cold_trial(facts, "net", 34.5 + 0.1 * static_cast<double>(block)));
  }
  records.push_back(warm_trial(facts, "nvme", 8.1));
  for (records::Record& record : records) {
    record.caches = records::Caches::hit;
    record.caches_files = 310;
    record.caches_bytes = 420'000'000;
    record.caches_written_files = record.caches_written_bytes = 0;
  }
  for (const std::size_t missed : {4U, 8U}) {
    records[missed].caches = records::Caches::mixed;
    records[missed].caches_written_files = missed == 4 ? 20 : 21;
    records[missed].caches_written_bytes = 155'000'000;
  }
  return {"missed_caches", numbered(std::move(records))};
}

// A vLLM on two paths in all layers of cold: its packages lie on a network, its caches must be
// filled.
inline ReportCase layers_of_cold() {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  facts.target = "vllm";
  facts.environment["server"] = {{"compile_cache", "private"}};
  std::vector<records::Record> records;
  for (const double step : {0.0, 0.3, 0.6, 0.9, 1.2}) {
    records.push_back(warm_trial(facts, "nvme", 27.0 + step));
    records.push_back(cold_trial(facts, "nvme", 34.0 + step));
    records.push_back(deeper_trial(facts, "nvme", records::Layer::node, 42.0 + step, "/mnt/env"));
    records.push_back(deeper_trial(facts, "nvme", records::Layer::first, 110.0 + step, "/mnt/env"));
    records.push_back(warm_trial(facts, "net", 27.2 + step));
    records.push_back(cold_trial(facts, "net", 68.0 + step));
    records.push_back(deeper_trial(facts, "net", records::Layer::node, 68.1 + step, "/mnt/env"));
  }
  return {"layers_of_cold", numbered(std::move(records))};
}

// Nodes that start at once from storage that gives each of them a gigabyte a second, and two in
// all.
inline ReportCase herd() {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.command = {"coldload-mpi", "--path", "net=/mnt/net/Llama-3.1-8B", "--sizes", "1,2,4",
                   "--runs",       "3"};
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (const double late : {0.0, 0.04, 0.08}) {
    for (const std::vector<double>& load_s :
         {std::vector<double>{2.2 + late}, {2.22 + late, 2.19}, {4.3, 4.35 + late, 4.2, 4.31}}) {
      const auto trial = herd_trial(facts, "net", ++position, load_s);
      records.insert(records.end(), trial.begin(), trial.end());
    }
  }
  return {"herd", std::move(records)};
}

inline std::vector<ReportCase> report_cases() {
  return {net_much_slower(), single_runs(),    no_difference(),  behind_a_stand_in(),
          hostile(),         nothing_usable(), one_path(),       three_paths(),
          same_storage(),    missed_caches(),  layers_of_cold(), herd()};
}

}  // namespace coldload
