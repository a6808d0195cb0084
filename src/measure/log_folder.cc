#include "measure/log_folder.h"

#include <cerrno>

#include <fmt/format.h>

#include "os/error.h"
#include "os/output_place.h"

namespace coldload::measure {

namespace {

constexpr const char* k_logs = "logs";
constexpr mode_t k_directory_mode = 0777;
constexpr mode_t k_file_mode = 0644;

os::Directory make_folder(const os::Directory& out, const std::string& experiment) {
  const os::OutputPlace place = os::output_place(out, k_logs);
  static_cast<void>(place.directory.make_subdirectory(place.name, k_directory_mode));
  const os::Directory logs = place.directory.subdirectory(place.name);
  // Nobody may have left something there for us to write to.
  if (!logs.make_subdirectory(experiment, k_directory_mode)) {
    throw os::SystemError("create", logs.path_of(experiment), EEXIST);
  }
  return logs.subdirectory(experiment);
}

}  // namespace

std::string LogFolder::name() const {
  return folder_ ? fmt::format("{}/{}", k_logs, experiment_) : "";
}

LogFolder::Log LogFolder::create(std::uint64_t position, const std::string& trial) {
  if (!folder_) folder_ = make_folder(out_, experiment_);
  const std::string name = fmt::format("{:03}-{}.log", position, trial);
  return {fmt::format("{}/{}", this->name(), name),
          std::make_shared<const os::Fd>(folder_->create_file(name, k_file_mode))};
}

}  // namespace coldload::measure
