// The parsers of the house as targets for libFuzzer: each takes any bytes and either gives a value
// or says in words what is wrong. What a target checks beside memory is a property that holds for
// all inputs, such as that what was read and written is read again as the same.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::fuzz {

struct Target {
  std::string_view name;
  void (*try_input)(std::string_view input);
};

// By the layer that the parsers are of: one file each.
extern const std::vector<Target> k_os_targets;
extern const std::vector<Target> k_text_targets;
extern const std::vector<Target> k_model_targets;
extern const std::vector<Target> k_storage_targets;
extern const std::vector<Target> k_record_targets;
extern const std::vector<Target> k_process_targets;
extern const std::vector<Target> k_server_targets;

// Ends the process, so that libFuzzer keeps the input.
void require(bool holds, const char* what);

// Whether `parse` refuses its input in words (os::Error), as it may. Every other exception is a
// finding.
bool refuses(const std::function<void()>& parse);

// Ends the process unless both are JSON and say the same, but for the last bits of a number:
// Boost.JSON reads 9223744073709551616000 as its neighbour.
void require_alike(std::string_view one, std::string_view other);

// The input cut where its own bytes say, for what takes text in pieces.
[[nodiscard]] std::vector<std::string_view> pieces_of(std::string_view input);
// The input's words, parted by line feeds.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view input);

// A file in memory that holds the input, for parsers of files: the same one each time.
class InputFile {
 public:
  explicit InputFile(std::string_view content);
  [[nodiscard]] const std::string& path() const;
};

}  // namespace coldload::fuzz
