#include "stand_in/description.h"

#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "text/units.h"
#include "text/wording.h"

namespace coldload::stand_in {

namespace {

namespace json = text::json;

// Names and values, once for both ways.
template <typename Visit>
void visit_fields(ReadFaults& faults, const Visit& visit) {
  visit("fail_after_bytes", faults.fail_after_bytes);
  visit("hang_after_bytes", faults.hang_after_bytes);
  visit("error_share", faults.error_share);
  visit("seed", faults.seed);
}

template <typename Visit>
void visit_fields(Delivered& delivered, const Visit& visit) {
  visit("read_bytes_per_s", delivered.read_bytes_per_s);
  visit("mmap_bytes_per_s", delivered.mmap_bytes_per_s);
  visit("parallel_bytes_per_s", delivered.parallel_bytes_per_s);
  visit("not_measured", delivered.not_measured);
}

template <typename Visit>
void visit_fields(Description& description, const Visit& visit) {
  constexpr double k_ns_per_s = 1e9;
  double latency_s = latency_s_of(description.pace);
  bool allow_other = description.access == MountAccess::everybody;
  visit("source", description.source);
  visit("mount_point", description.mount_point);
  visit("server_pid", description.server_pid);
  visit("rate_bytes_per_s", description.pace.rate_bytes_per_s);
  visit("latency_s", latency_s);
  visit("requests_per_s", description.pace.requests_per_s);
  visit("stream_bytes_per_s", description.pace.stream_bytes_per_s);
  visit("client_bytes_per_s", description.pace.client_bytes_per_s);
  visit("preset", description.pace.preset);
  visit("faults", description.faults);
  visit("allow_other", allow_other);
  visit("links", description.links);
  visit("backing", description.backing);
  visit("warmed", description.warmed);
  visit("readahead_bytes", description.readahead_bytes);
  visit("request_bytes", description.request_bytes);
  visit("delivered", description.delivered);
  description.pace.latency = std::chrono::nanoseconds(std::llround(latency_s * k_ns_per_s));
  description.access = allow_other ? MountAccess::everybody : MountAccess::owner;
}

template <typename Value>
constexpr bool k_has_fields = requires(Value& value) {
  visit_fields(value, [](const char*, const auto&) {});
};

template <typename Described>
json::object written(Described& described) {
  json::object object;
  visit_fields(described, [&object]<typename Value>(const char* name, Value& value) {
    if constexpr (k_has_fields<Value>) {
      object[name] = written(value);
    } else {
      object[name] = json::value_from(value);
    }
  });
  return object;
}

// What is missing or of another kind stays as it is.
template <typename Described>
void read_into(Described& described, const json::object& object) {
  visit_fields(described, [&object]<typename Value>(const char* name, Value& value) {
    const json::value* found = object.if_contains(name);
    if (found == nullptr) return;
    if constexpr (k_has_fields<Value>) {
      if (found->is_object()) read_into(value, found->get_object());
    } else if (auto read = json::try_value_to<Value>(*found)) {
      value = std::move(*read);
    }
  });
}

}  // namespace

json::object to_json(Description description) {
  json::object object = written(description);
  if (!description.faults.any()) object["faults"] = nullptr;
  return object;
}

std::optional<Description> description_from_json(const json::object& object) {
  if (!text::string_at(object, "source") || !text::string_at(object, "mount_point") ||
      !text::number_at(object, "rate_bytes_per_s") || !text::number_at(object, "latency_s")) {
    return std::nullopt;
  }
  Description description;
  read_into(description, object);
  return description;
}

std::string shortfall(const Description& description) {
  constexpr double k_enough = 0.95;
  constexpr unsigned k_together = 4;
  const Pace& pace = description.pace;
  std::vector<std::string> short_of;
  const auto look = [&](const std::optional<double>& delivered, unsigned readers, const char* to) {
    if (!delivered || *delivered >= k_enough * rate_for(pace, readers)) return;
    short_of.push_back(fmt::format("{} to {}", text::format_rate(*delivered), to));
  };
  look(description.delivered.read_bytes_per_s, 1, "one reader with read(2)");
  look(description.delivered.mmap_bytes_per_s, 1, "one reader through mmap");
  look(description.delivered.parallel_bytes_per_s, k_together, "four readers together");
  if (short_of.empty()) return "";
  std::string text = fmt::format("delivers {}, asked {}", text::joined(short_of),
                                 text::format_rate(pace.rate_bytes_per_s));
  if (pace.stream_bytes_per_s) {
    text += fmt::format(" and {} per stream", text::format_rate(*pace.stream_bytes_per_s));
  }
  if (pace.client_bytes_per_s) {
    text += fmt::format(" and {} per client", text::format_rate(*pace.client_bytes_per_s));
  }
  if (description.readahead_bytes &&
      *description.readahead_bytes < needed_readahead(description.pace)) {
    text += fmt::format(
        ": the mount's readahead is {} KiB and would have to be {} KiB, which only "
        "root can set",
        *description.readahead_bytes >> 10, needed_readahead(description.pace) >> 10);
  }
  return text;
}

}  // namespace coldload::stand_in
