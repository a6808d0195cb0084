#include "records/fields.h"

#include <cstdlib>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "unit/source_folder.h"

namespace coldload::records {
namespace {

const std::string k_doc = std::string(k_source_folder) + "/docs/csv.md";

// The lines of the document's tables that begin with a name in code.
std::vector<std::string> documented_lines() {
  std::istringstream document(os::read_text(k_doc));
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(document, line)) {
    if (line.rfind("| `", 0) == 0) lines.push_back(line);
  }
  return lines;
}

// As the document's tables have them.
void append_lines(In in, std::vector<std::string>* lines) {
  for (const Field& field : fields()) {
    if (field.in != in) continue;
    lines->push_back(
        fmt::format("| `{}` | {} | {} |", field.member.key, field.kind, field.meaning));
  }
}

TEST(Fields, TheDocumentListsExactlyTheseColumnsAndKeys) {
  std::vector<std::string> expected;
  append_lines(In::csv_and_json, &expected);
  append_lines(In::json_only, &expected);
  EXPECT_EQ(documented_lines(), expected) << k_doc << " and src/records/fields.cc disagree";
}

TEST(Fields, HaveTheNamesThatOtherToolsRelyOn) {
  std::set<std::string> keys;
  for (const Field& field : fields())
    EXPECT_TRUE(keys.emplace(field.member.key).second) << field.member.key;
  for (const char* key : {"run_id",
                          "storage_mode",
                          "model",
                          "max_model_len",
                          "load_s",
                          "gpu_mem_used_mb",
                          "notes",
                          "schema",
                          "status",
                          "reason",
                          "experiment",
                          "cold",
                          "order",
                          "seed",
                          "target",
                          "argv",
                          "checkpoint_bytes",
                          "resident_bytes_before",
                          "resident_bytes_after",
                          "storage_bytes_read",
                          "storage_bytes_source",
                          "caches",
                          "caches_files",
                          "caches_bytes",
                          "caches_written_files",
                          "caches_written_bytes",
                          "floor_s",
                          "efficiency",
                          "spawn_s",
                          "port_open_s",
                          "first_token_s",
                          "copy_s",
                          "phases",
                          "unattributed_s",
                          "reported",
                          "timeline",
                          "sampler_cpu_s",
                          "environment",
                          "gpu_mem_source"}) {
    EXPECT_EQ(keys.count(key), 1U) << key;
  }
  EXPECT_EQ(fields().front().member.key, "schema");
}

}  // namespace
}  // namespace coldload::records
