// Every server's table against logs in the shape of real ones: excerpts of the project's own, as
// each version words, prefixes and orders its lines.
#include <string>

#include <gtest/gtest.h>

#include "server/server_kind.h"
#include "unit/server/reading.h"

namespace coldload::server {
namespace {

struct Read {
  text::json::object reported;
  std::vector<LogPhase> phases;
  std::string failure;
};

Read read(const ServerKind& kind, const TimedLines& lines, double ready_s = 1000) {
  StartupLog log(kind.grammar);
  feed(&log, lines);
  return {log.reported(), log.phases(second(0), second(ready_s)), log.failure()};
}

Read read(const ServerKind& kind, const std::string& text) {
  StartupLog log(kind.grammar);
  log.feed(second(500), text);
  log.finish();
  return {log.reported(), log.phases(second(0), second(1000)), log.failure()};
}

double number(const Read& read, const char* key) {
  const auto* value = read.reported.if_contains(key);
  return value == nullptr ? -1 : value->to_number<double>();
}

std::string text(const Read& read, const char* key) {
  const auto* value = read.reported.if_contains(key);
  return value == nullptr ? "" : std::string(value->as_string());
}

TEST(VllmLog, Of2025WithTheV0Engine) {
  const Read seen = read(k_vllm,
                         "INFO 02-18 08:50:10 model_runner.py:1115] Starting to load model /m...\n"
                         "\rLoading safetensors checkpoint shards:   0% Completed | 0/1 [00:00<?]\n"
                         "INFO 02-18 08:50:20 model_runner.py:1120] Loading model weights took "
                         "12.5523 GB\n"
                         "INFO 02-18 08:50:24 worker.py:267] Memory profiling takes 3.26 seconds\n"
                         "INFO 02-18 08:50:25 llm_engine.py:429] init engine (profile, create kv "
                         "cache, warmup model) took 3.87 seconds\n");
  EXPECT_EQ(number(seen, "model_gib"), 12.5523);
  EXPECT_EQ(number(seen, "profile_s"), 3.26);
  EXPECT_EQ(number(seen, "engine_init_s"), 3.87);
  EXPECT_EQ(number(seen, "weights_s"), -1);
}

TEST(VllmLog, Of080HasTheWeightsTwice) {
  const Read seen = read(
      k_vllm,
      "INFO 03-21 20:15:01 [gpu.py:1] Model loading took 12.5500 GiB and 6.250000 seconds\n"
      "INFO 03-21 20:15:44 [monitor.py:33] torch.compile takes 28.77 s in total\n"
      "INFO 03-21 20:15:45 [worker.py:267] Memory profiling takes 34.26 seconds\n"
      "INFO 03-21 20:15:45 [worker.py:267] model weights take 12.55GiB; non_torch_memory takes "
      "0.16GiB\n");
  EXPECT_EQ(number(seen, "model_gib"), 12.55);
  EXPECT_EQ(number(seen, "compile_s"), 28.77);
}

TEST(VllmLog, Of090) {
  const Read seen =
      read(k_vllm,
           "INFO 06-05 09:07:40 [core.py:65] Initializing a V1 LLM engine (v0.9.0.1) with config\n"
           "INFO 06-05 09:07:48 [default_loader.py:280] Loading weights took 1.16 seconds\n"
           "INFO 06-05 09:07:48 [gpu.py:1549] Model loading took 3.3466 GiB and 1.677846 seconds\n"
           "INFO 06-05 09:07:57 [backends.py:469] Dynamo bytecode transform time: 8.69 s\n"
           "INFO 06-05 09:08:03 [backends.py:132] Directly load the compiled graph(s) for shape "
           "None from the cache, took 6.203 s\n"
           "INFO 06-05 09:08:04 [monitor.py:33] torch.compile takes 8.69 s in total\n"
           "INFO 06-05 09:08:05 [kv_cache_utils.py:637] GPU KV cache size: 1,131,008 tokens\n"
           "INFO 06-05 09:08:36 [gpu.py:1933] Graph capturing finished in 31 secs, took 0.45 GiB\n"
           "INFO 06-05 09:08:36 [core.py:167] init engine (profile, create kv cache, warmup "
           "model) took 47.64 seconds\n");
  EXPECT_EQ(text(seen, "version"), "0.9.0.1");
  EXPECT_EQ(number(seen, "weights_s"), 1.16);
  EXPECT_EQ(number(seen, "model_gib"), 3.3466);
  EXPECT_EQ(number(seen, "compile_s"), 8.69);
  EXPECT_EQ(number(seen, "kv_tokens"), 1131008);
  EXPECT_EQ(number(seen, "graphs_s"), 31);
  EXPECT_EQ(number(seen, "graphs_gib"), 0.45);
  EXPECT_EQ(number(seen, "engine_init_s"), 47.64);
}

TEST(VllmLog, WithTensorParallelismIsThatOfTheSlowestRank) {
  const Read seen =
      read(k_vllm,
           {{10,
             "(Worker_TP0_EP0 pid=11) INFO 09-29 09:00:00 [l.py:384] Loading weights took 24.84 "
             "seconds"},
            {12,
             "(Worker_TP1_EP1 pid=12) INFO 09-29 09:00:02 [l.py:384] Loading weights took 26.00 "
             "seconds"},
            {13,
             "(VllmWorker rank=2 pid=13) INFO 09-29 09:00:03 [l.py:384] Loading weights took 9.5 "
             "seconds"},
            {14,
             "(Worker_TP0_EP0 pid=11) INFO 09-29 09:00:03 [g.py:1] Model loading took 12.66 GiB "
             "memory and 25.5 seconds"},
            {15,
             "(Worker_TP1_EP1 pid=12) INFO 09-29 09:00:03 [g.py:1] Model loading took 12.71 GiB "
             "memory and 26.5 seconds"},
            {52,
             "Capturing CUDA graphs (decode, FULL):  97%|###| 65/67 [00:15<00:00](Worker_TP1_EP1 "
             "pid=12) INFO 09-29 09:52:22 [g.py:3] Graph capturing finished in 38 secs, took 1.64 "
             "GiB"},
            {53,
             "(EngineCore_DP0 pid=9) INFO 09-29 09:52:23 [core.py:302] init engine (profile, "
             "create kv cache, warmup model) took 41.31 s (compilation: 18.03 s)"}},
           60);
  EXPECT_EQ(number(seen, "weights_s"), 26);
  EXPECT_EQ(number(seen, "model_gib"), 12.71);
  EXPECT_EQ(number(seen, "graphs_s"), 38);
  EXPECT_EQ(number(seen, "compile_s"), 18.03);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 12, 1e-6);  // launched at 0: clipped there
}

// What Ray's executor passes on has the name of each process that it went through.
TEST(VllmLog, TheInnermostPrefixNamesTheRank) {
  const auto prefix = [](const std::string& style, int rank) {
    const std::string number = std::to_string(rank);
    const std::string pid = std::to_string(918 + rank);
    if (style == "new") {
      return "(EngineCore pid=676) (RayWorkerProc pid=" + pid + ") (Worker_TP" + number +
             " pid=" + pid + ") ";
    }
    if (style == "nodes") {
      return "(EngineCore_DP0 pid=676) (RayWorkerWrapper pid=918, ip=10.0.0." + number + ") ";
    }
    if (style == "old") return "\x1b[36m(RayWorkerWrapper pid=" + pid + ")\x1b[0m ";
    return std::string();
  };
  for (const std::string style : {"new", "nodes", "old", "none"}) {
    TimedLines lines;
    for (int rank = 0; rank < 4; ++rank) {
      lines.emplace_back(1, prefix(style, rank) +
                                "INFO 09-14 07:00:00 [gpu_model_runner.py:5100] Starting to load "
                                "model /m...");
    }
    for (int rank = 0; rank < 4; ++rank) {
      lines.emplace_back(3, prefix(style, rank) +
                                "INFO 09-14 07:00:12 [default_loader.py:390] Loading weights took "
                                "1.9" +
                                std::to_string(rank) + " seconds");
      lines.emplace_back(3.1, prefix(style, rank) +
                                  "INFO 09-14 07:00:12 [gpu_model_runner.py:5187] Model loading "
                                  "took 4.00 GiB memory and 1.98" +
                                  std::to_string(rank) + " seconds");
    }
    const Read seen = read(k_vllm, lines, 4);
    EXPECT_NEAR(number(seen, "weights_s"), 1.93, 1e-9) << style;
    EXPECT_NEAR(number(seen, "model_s"), 1.983, 1e-9) << style;
    EXPECT_EQ(number(seen, "model_gib"), 4) << style;
    EXPECT_NEAR(phase_s(seen.phases, "weights"), 1.93, 1e-6) << style;
  }
}

TEST(VllmLog, OfJsonLines) {
  const Read seen =
      read(k_vllm,
           {{4, R"((Worker_DP0 pid=12) {"message": "Loading weights took 3.20 seconds", )"
                R"("levelname": "INFO"})"},
            {4.1, R"((Worker_DP1 pid=13) {"message": "Loading weights took 3.50 seconds", )"
                  R"("levelname": "INFO"})"}},
           6);
  EXPECT_EQ(number(seen, "weights_s"), 3.5);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 3.5, 1e-6);
}

TEST(VllmLog, BehindATimeStampOfTheContainers) {
  const Read seen = read(
      k_vllm,
      "2026-05-01 23:11:59.049 | (EngineCore pid=187) INFO 05-01 21:11:59 [weight_utils.py:904] "
      "Filesystem type for checkpoints: NFS4. Checkpoint size: 23.32 GiB. Available RAM: 56.48 "
      "GiB.\n"
      "2026-05-01 23:11:59.049 | (EngineCore pid=187) INFO 05-01 21:11:59 [weight_utils.py:874] "
      "Prefetching checkpoint files into page cache started (in background)\n"
      "2026-05-01 23:12:01.701 | (EngineCore pid=187) INFO 05-01 21:12:01 [weight_utils.py:869] "
      "Prefetching checkpoint files into page cache finished in 2.65s\n"
      "2026-05-01 23:12:22.930 | (EngineCore pid=187) INFO 05-01 21:12:22 [default_loader.py:384] "
      "Loading weights took 23.88 seconds\n"
      "2026-05-01 23:14:12.523 | (EngineCore pid=187) INFO 05-01 21:14:12 [monitor.py:81] Initial "
      "profiling/warmup run took 50.34 s\n"
      "2026-05-01 23:14:16.932 | (EngineCore pid=187) INFO 05-01 21:14:16 [gpu_worker.py:440] "
      "Available KV cache memory: -1.28 GiB\n");
  EXPECT_EQ(text(seen, "file_system"), "NFS4");
  EXPECT_EQ(text(seen, "prefetch"), "Prefetching checkpoint files into page cache started");
  EXPECT_EQ(number(seen, "prefetch_s"), 2.65);
  EXPECT_EQ(number(seen, "weights_s"), 23.88);
  EXPECT_EQ(number(seen, "profile_s"), 50.34);
  EXPECT_EQ(seen.reported.at("kv_cache_gib").as_double(), -1.28);
}

TEST(VllmLog, NamesAFileSystemWithADot) {
  EXPECT_EQ(text(read(k_vllm,
                      "INFO [w.py:1] Filesystem type for checkpoints: FUSE.COLDLOAD. Checkpoint "
                      "size: 6.72 GiB. Available RAM: 1 GiB.\n"),
                 "file_system"),
            "FUSE.COLDLOAD");
}

// Times as on one H100 with 0.24: what no line explains stays unattributed.
TEST(VllmLog, Of024GivesEveryPhaseItsPlace) {
  const Read seen = read(
      k_vllm,
      {{11,
        "(EngineCore pid=8) INFO 11-22 13:32:46 [core.py:114] Initializing a V1 LLM engine "
        "(v0.24.0) with config: model='/m'"},
       {13,
        "(EngineCore pid=8) INFO 11-22 13:32:48 [model_runner.py:281] Loading model from "
        "scratch..."},
       {13.2, "(EngineCore pid=8) \rLoading safetensors checkpoint shards:   0% Completed | 0/4"},
       {18.3,
        "(EngineCore pid=8) INFO 11-22 13:32:53 [default_loader.py:430] Loading weights took "
        "5.00 seconds"},
       {19,
        "(EngineCore pid=8) INFO 11-22 13:32:54 [model_runner.py:302] Model loading took 6.72 "
        "GiB and 6.717450 seconds"},
       {28,
        "(EngineCore pid=8) INFO 11-22 13:33:03 [backends.py:1148] Dynamo bytecode transform "
        "time: 8.00 s"},
       {40,
        "(EngineCore pid=8) INFO 11-22 13:33:15 [backends.py:393] Compiling a graph for "
        "compile range (1, 8192) takes 11.69 s"},
       {45,
        "(EngineCore pid=8) INFO 11-22 13:33:20 [monitor.py:53] torch.compile took 24.00 s in "
        "total"},
       {46,
        "(EngineCore pid=8) INFO 11-22 13:33:20 [monitor.py:81] Initial profiling/warmup run "
        "took 0.80 s"},
       {48,
        "(EngineCore pid=8) INFO 11-22 13:33:23 [gpu_worker.py:508] Available KV cache "
        "memory: 55.57 GiB"},
       {48.5,
        "(EngineCore pid=8) INFO 11-22 13:33:23 [kv_cache_utils.py:2146] GPU KV cache "
        "size: 520,240 tokens"},
       {49, "(EngineCore pid=8) \rCapturing CUDA graphs (PIECEWISE):   0%|    | 0/51 [00:00<?]"},
       {54.7,
        "(EngineCore pid=8) INFO 11-22 13:33:28 [model_runner.py:726] Graph capturing "
        "finished in 5 secs, took 0.80 GiB"},
       {72,
        "(EngineCore pid=8) INFO 11-22 13:33:47 [core.py:337] init engine (profile, create kv "
        "cache, warmup model) took 52.55 s (compilation: 24.97 s)"},
       {72.5,
        "(APIServer pid=7) INFO 11-22 13:33:47 [api_server.py:581] Starting vLLM server on "
        "http://127.0.0.1:8123"},
       {72.6, "(APIServer pid=7) INFO:     Started server process [7]"}},
      73);
  EXPECT_EQ(text(seen, "version"), "0.24.0");
  EXPECT_EQ(number(seen, "compile_s"), 24.97);
  EXPECT_EQ(number(seen, "kv_tokens"), 520240);
  EXPECT_NEAR(phase_s(seen.phases, "start"), 13, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 5, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "compile"), 25, 1e-6);  // dynamo began at 20
  EXPECT_NEAR(phase_s(seen.phases, "profile"), 0.8, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "kv_cache"), 0.5, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "graphs"), 5.7, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "http"), 0.5, 1e-6);
}

TEST(VllmLog, Of033) {
  const Read seen = read(
      k_vllm,
      "(APIServer pid=1) INFO 11-22 08:27:33 [api_utils.py:333] vLLM server version 0.33.0, "
      "serving model /m\n"
      "(EngineCore pid=9) INFO 11-22 08:27:50 [weight_utils.py:521] Time spent downloading weights "
      "for org/model: 12.345678 seconds\n"
      "(EngineCore pid=9) WARNING 11-22 08:27:51 [weight_utils.py:871] Network filesystem (NFS4) "
      "detected but checkpoint total size (120.00 GiB) exceeds 90% of available RAM (64.00 GiB). "
      "Skipping auto-prefetch.\n");
  EXPECT_EQ(text(seen, "version"), "0.33.0");
  EXPECT_EQ(number(seen, "download_s"), 12.345678);
  EXPECT_EQ(text(seen, "prefetch"), "Skipping auto-prefetch");
}

TEST(VllmLog, TellsWhyItFailed) {
  EXPECT_NE(read(k_vllm,
                 "(EngineCore pid=4) ERROR [core.py:1] EngineCore failed to start.\n"
                 "(EngineCore pid=4)     from flashinfer import (\n"
                 "(EngineCore pid=4) ModuleNotFoundError: No module named 'flashinfer'\n"
                 "(APIServer pid=3) RuntimeError: Engine core initialization failed.\n")
                .failure.find("No module named 'flashinfer'"),
            std::string::npos);
  EXPECT_NE(read(k_vllm, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n")
                .failure.find("out of GPU memory"),
            std::string::npos);
  EXPECT_NE(read(k_vllm,
                 "ValueError: Free memory on device (1.2/79.1 GiB) on startup is less than "
                 "desired GPU memory utilization (0.9, 71.3 GiB).\n")
                .failure.find("--gpu-memory-utilization"),
            std::string::npos);
  EXPECT_NE(read(k_vllm, "OSError: [Errno 98] Address already in use\n").failure.find("port"),
            std::string::npos);
  EXPECT_NE(read(k_vllm,
                 "ValueError: Model architectures ['FooForCausalLM'] are not supported "
                 "for now.\n")
                .failure.find("architecture"),
            std::string::npos);
}

TEST(SglangLog, WithRanks) {
  const Read seen = read(
      k_sglang,
      "[2026-02-26 05:24:09 TP0] Load weight begin. avail mem=183.00 GB\n"
      "[2026-02-26 05:24:09 TP4] Load weight end. elapsed=228.09 s, type=Glm, dtype=bf16, avail "
      "mem=194.04 GB, mem usage=89.58 GB.\n"
      "[2026-02-26 05:24:12 TP6] Load weight end. elapsed=231.42 s, type=Glm, dtype=bf16, avail "
      "mem=194.03 GB, mem usage=89.55 GB.\n"
      "[2026-03-11 13:53:23 TP0] KV Cache is allocated. #tokens: 383872, KV size: 19.36 GB\n"
      "[2026-03-11 13:53:32 TP0] Capture npu graph end. Time elapsed: 8.04 s. mem usage=0.80 GB. "
      "avail mem=10.30 GB.\n"
      "[2026-03-11 13:53:33] The server is fired up and ready to roll!\n");
  EXPECT_EQ(number(seen, "weights_s"), 231.42);
  EXPECT_EQ(number(seen, "model_gib"), 89.58);
  EXPECT_EQ(number(seen, "kv_tokens"), 383872);
  EXPECT_EQ(number(seen, "graphs_s"), 8.04);
}

TEST(SglangLog, Of2025SaysNoTimeOfTheWeights) {
  const std::string end =
      "Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=63.49 GB, mem "
      "usage=15.35 GB.";
  Read seen = read(k_sglang,
                   {{2, "[2025-05-14 09:29:01] Load weight begin. avail mem=78.84 GB"},
                    {4.5, "[2025-05-14 09:29:03] " + end},
                    {5,
                     "[2025-05-14 09:29:03] KV Cache is allocated. #tokens: 404890, K size: 27.80 "
                     "GB, V size: 27.80 GB"}},
                   7);
  EXPECT_NEAR(phase_s(seen.phases, "start"), 2, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 2.5, 1e-6);
  EXPECT_EQ(number(seen, "weights_s"), -1);
  EXPECT_EQ(number(seen, "model_gib"), 15.35);

  seen = read(k_sglang,
              {{2, "[2025-05-14 09:29:01 DP0] Load weight begin. avail mem=78.84 GB"},
               {2.1, "[2025-05-14 09:29:01 DP1] Load weight begin. avail mem=78.84 GB"},
               {4, "[2025-05-14 09:29:03 DP0] " + end},
               {5, "[2025-05-14 09:29:04 DP1] " + end}},
              7);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 2.9, 1e-6);
}

TEST(SglangLog, EveryWayOfBeingParallelNamesARank) {
  for (const std::string rank : {"TP", "DP0 TP", "PP1 TP0 EP", "ATTN_TP0 MOE_EP", "DP"}) {
    const Read seen = read(k_sglang,
                           {{8, "[2026-05-14 09:29:01 " + rank +
                                    "0] Load weight end. elapsed=3.00 s, mem "
                                    "usage=5.00 GB."},
                            {12, "[2026-05-14 09:29:05.123 " + rank +
                                     "1] Load weight end. elapsed=2.00 s, mem "
                                     "usage=5.00 GB."}},
                           14);
    EXPECT_EQ(number(seen, "weights_s"), 3) << rank;
  }
}

TEST(SglangLog, ItsOwnSummaryStands) {
  const Read seen =
      read(k_sglang,
           "[2026-08-21 10:00:40 TP0] Load weight end. elapsed=20.00 s, mem usage=6.00 GB.\n"
           "[2026-08-21 10:00:42] Engine startup timings (s): load_weight=21.50, graphs=3.10\n"
           "[2026-08-21 10:00:20 TP0] Rank 0: prefetching checkpoint files into page cache "
           "finished in 8.40s\n");
  EXPECT_EQ(number(seen, "weights_s"), 21.5);
  EXPECT_EQ(number(seen, "prefetch_s"), 8.4);
}

TEST(SglangLog, WeightsCommittedLateAreNotTheWholeLoad) {
  const Read seen =
      read(k_sglang,
           "[2026-08-21 10:00:40 TP0] Load weight end. Committed real weights after CUDA graph "
           "capture in 3.21 s (capture overlap window 20.11 s, startup overlap total 25.00 s)\n");
  EXPECT_EQ(number(seen, "weights_s"), -1);
  EXPECT_EQ(number(seen, "weights_commit_s"), 3.21);
}

TEST(LlamaServerLog, HasPhasesByItsLines) {
  const Read seen = read(
      k_llama_server,
      {{0.1, "build: 6730 (e60f01d9) with cc 13 for x86_64-linux-gnu"},
       {0.2, "main: HTTP server is listening, hostname: 127.0.0.1, port: 8080, http threads: 11"},
       {0.3, "srv    load_model: loading model '/m.gguf'"},
       {0.5, "llama_model_loader: loaded meta data with 36 key-value pairs and 197 tensors"},
       {4, "load_tensors:        CUDA0 model buffer size =  4096.00 MiB"},
       {4, "load_tensors:   CPU_Mapped model buffer size = 45000.00 MiB"},
       {6, "llama_kv_cache:      CUDA0 KV buffer size =  1056.00 MiB"},
       {8, "main: model loaded"},
       {8.1, "main: server is listening on http://127.0.0.1:8080 - starting the main loop"}},
      8.5);
  EXPECT_EQ(text(seen, "version"), "6730 (e60f01d9)");
  EXPECT_EQ(number(seen, "model_gib"), 4);
  EXPECT_NEAR(phase_s(seen.phases, "start"), 0.3, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 5.5, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "http"), 0.4, 1e-6);
}

// Fewer lines by default since 2026, behind the time since its start.
TEST(LlamaServerLog, OfFewLines) {
  const Read seen =
      read(k_llama_server,
           {{0.1, "0.00.094.293 I log_info: verbosity = 3 (adjust with the `-lv N` CLI arg)"},
            {0.4, "0.00.390.001 I srv    load_model: loading model 'm.gguf'"},
            {3.4, "0.03.391.114 I main: model loaded"},
            {3.5, "0.03.480.770 I main: server is listening on http://127.0.0.1:8080"}},
           4);
  EXPECT_TRUE(seen.reported.empty());
  EXPECT_NEAR(phase_s(seen.phases, "start"), 0.4, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 3, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "http"), 0.5, 1e-6);
}

TEST(TgiLog, OfJsonLines) {
  const Read seen = read(
      k_tgi,
      {{9,
        R"({"timestamp":"2024-03-04T16:38:09.496633Z","level":"INFO","fields":{"message":"Shard )"
        R"(ready in 8.5s"},"target":"text_generation_launcher","span":{"rank":0,"name":)"
        R"("shard-manager"}})"},
       {10, R"({"timestamp":"2024-03-04T16:38:10.663104Z","level":"INFO","message":"Warming up )"
            R"(model","target":"text_generation_router"})"},
       {12,
        R"({"timestamp":"2024-03-04T16:38:12.273926Z","level":"INFO","message":"Setting max batch )"
        R"(total tokens to 16000","target":"text_generation_router"})"},
       {12.5, R"({"timestamp":"2024-03-04T16:38:12.773934Z","level":"INFO","message":"Connected",)"
              R"("target":"text_generation_router"})"}},
      13);
  EXPECT_EQ(number(seen, "shard_ready_s"), 8.5);
  EXPECT_NEAR(phase_s(seen.phases, "profile"), 2, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "http"), 0.5, 1e-6);
}

TEST(TgiLog, HasShardsInAnyUnit) {
  const Read seen = read(
      k_tgi,
      {{23,
        "2024-03-04T16:38:09.496633Z INFO shard-manager: text_generation_launcher: Shard ready "
        "in 22.918174777s rank=0"},
       {23,
        "2025-12-18T16:58:43.000000Z  INFO shard-manager: text_generation_launcher: Shard "
        "ready in 950.123ms rank=1"},
       {24,
        "2024-03-04T16:38:09.663104Z INFO text_generation_router: router/src/main.rs:213: "
        "Warming up model"},
       {26,
        "2024-03-04T16:38:11.273926Z INFO text_generation_router: router/src/main.rs:246: "
        "Setting max batch total tokens to 16000"},
       {26.5,
        "2024-03-04T16:38:11.273934Z INFO text_generation_router: "
        "router/src/main.rs:247: Connected"}},
      27);
  EXPECT_EQ(number(seen, "shard_ready_s"), 22.918174777);
  EXPECT_NEAR(phase_s(seen.phases, "profile"), 2, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "http"), 0.5, 1e-6);
}

TEST(TransformersLog, HasAProgressBarOnly) {
  const Read seen = read(k_transformers,
                         {{9, "[transformers] Loading /m@main"},
                          {10, "\rLoading weights:   0%|          | 0/255 [00:00<?, ?it/s]"},
                          {11, "\rLoading weights:  58%|#####     | 149/255 [00:00<00:00]"},
                          {12, "\rLoading weights: 100%|##########| 255/255 [00:00<00:00]"},
                          {14, "INFO:     Started server process [4000]"}},
                         15);
  EXPECT_NEAR(phase_s(seen.phases, "start"), 9, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "weights"), 2, 1e-6);
  EXPECT_NEAR(phase_s(seen.phases, "http"), 1, 1e-6);
  EXPECT_TRUE(seen.reported.empty());
}

TEST(EveryLog, OfAnotherServerDegradesToNothing) {
  for (const ServerKind* kind : server_kinds()) {
    const Read seen = read(*kind,
                           "[server] weights loaded in 3 s\n[server] 12 GiB used\n"
                           "[server] listening on port 80\n");
    EXPECT_TRUE(seen.reported.empty()) << kind->name;
    EXPECT_TRUE(seen.phases.empty()) << kind->name;
    EXPECT_EQ(seen.failure, "") << kind->name;
  }
}

}  // namespace
}  // namespace coldload::server
