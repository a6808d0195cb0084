#include "text/redact.h"

#include <algorithm>
#include <limits>

#include "text/json.h"

namespace coldload::text {

namespace {

constexpr std::size_t k_shortest_in_text = 6;
constexpr std::string_view k_scheme_end = "://";

std::vector<std::string_view> views(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

std::size_t pair_at(std::string_view text, std::size_t at) {
  constexpr unsigned k_byte_bits = 8;
  return static_cast<std::size_t>(static_cast<unsigned char>(text[at]) << k_byte_bits |
                                  static_cast<unsigned char>(text[at + 1]));
}

// The next "://" with a user or password behind it; `end` where there is none before.
std::size_t find_userinfo(std::string_view text, std::size_t from, std::size_t end) {
  for (std::size_t at = text.find(k_scheme_end, from); at < end;
       at = text.find(k_scheme_end, at + 1)) {
    if (userinfo_length(text.substr(at)) > 0) return at;
  }
  return end;
}

// Where "://" begins whose host has not ended at the end of the text, or that is itself cut there;
// the text's size where there is none.
std::size_t unfinished_url(std::string_view text) {
  constexpr std::size_t k_before = k_scheme_end.size() - 1;
  std::size_t at = text.size();
  const std::size_t first = at - std::min(at, k_longest_userinfo);
  while (at > first && !ends_userinfo(text[at - 1])) --at;
  const bool host = at > k_before && text.substr(at - 1 - k_before, 3) == k_scheme_end;
  if (host && text.size() - at < k_longest_userinfo) return at - 1 - k_before;
  for (std::size_t begun = k_before; begun > 0; --begun) {
    const std::size_t head = text.size() - std::min(text.size(), begun);
    if (text.substr(head) == k_scheme_end.substr(0, begun)) return head;
  }
  return text.size();
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& argv, const Environment& environment) {
  for (const SecretPart& found : secret_parts(views(argv))) collect(found.part);
  for (const auto& [name, value] : environment) {
    if (is_secret_name(name)) {
      collect(value);
    } else {
      for (const SecretPart& found : secret_parts({value})) collect(found.part);
    }
  }
  prepare_search();
}

// Also its lines, the parts of a list, and how JSON and Python write it: so it turns up in logs.
void Redactor::collect(std::string_view value) {
  if (value == k_redacted) return;
  values_.emplace_back(value);
  const std::string escaped = to_line(json::string(value));
  values_.push_back(escaped.substr(1, escaped.size() - 2));
  if (const auto raw = parse_json('"' + std::string(value) + '"', nullptr)) {
    values_.emplace_back(raw->get_string().c_str(), raw->get_string().size());
  }
  constexpr std::string_view k_separators = "\r\n,";
  while (!value.empty()) {
    const std::size_t end = value.find_first_of(k_separators);
    values_.emplace_back(value.substr(0, end));
    value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
  }
}

void Redactor::prepare_search() {
  std::erase_if(values_,
                [](const std::string& value) { return value.size() < k_shortest_in_text; });
  std::sort(values_.begin(), values_.end());
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  if (values_.empty()) return;
  const auto [least, most] = std::minmax_element(
      values_.begin(), values_.end(),
      [](const std::string& one, const std::string& other) { return one.size() < other.size(); });
  shortest_ = least->size();
  longest_ = most->size();
  for (std::size_t at = 0; at < values_.size(); ++at) {
    std::size_t before = at;
    if (at > 0) before = beginning_of(values_[at], at - 1).value_or(at);
    beginning_.push_back(before);
  }
  constexpr std::size_t k_pairs = 1 << 16;
  constexpr std::size_t k_furthest = std::numeric_limits<std::uint8_t>::max();
  shifts_.assign(k_pairs, static_cast<std::uint8_t>(std::min(shortest_ - 1, k_furthest)));
  for (const std::string& value : values_) {
    begins_[static_cast<unsigned char>(value[0])] = true;
    for (std::size_t at = 0; at + 2 <= shortest_; ++at) {
      std::uint8_t& shift = shifts_[pair_at(value, at)];
      shift = static_cast<std::uint8_t>(std::min<std::size_t>(shift, shortest_ - 2 - at));
    }
  }
}

// The longest value that `text` begins with, where `last` is the last one that is not behind it in
// order: that one, or one that it begins with. Two texts of which the second begins with a value
// that lies before the first both begin with it.
std::optional<std::size_t> Redactor::beginning_of(std::string_view text, std::size_t last) const {
  while (!text.starts_with(values_[last])) {
    if (beginning_[last] == last) return std::nullopt;
    last = beginning_[last];
  }
  return last;
}

// The first place from `from` where a value begins; `end` where there is none before. Wu and Manber
// (1994): the last two bytes of a window as long as the shortest value say how far it can move.
std::size_t Redactor::find(std::string_view text, std::size_t from, std::size_t end) const {
  if (values_.empty()) return end;
  std::size_t at = from;
  while (at < end && at + shortest_ <= text.size()) {
    const std::size_t shift = shifts_[pair_at(text, at + shortest_ - 2)];
    if (shift == 0 && length_at(text, at) > 0) return at;
    at += std::max<std::size_t>(shift, 1);
  }
  return end;
}

// The bytes of the longest credential that begins there; 0 where none does.
std::size_t Redactor::length_at(std::string_view text, std::size_t at) const {
  const std::string_view rest = text.substr(at);
  std::size_t length = 0;
  if (begins_[static_cast<unsigned char>(rest.front())]) {
    const auto behind = std::upper_bound(values_.begin(), values_.end(), rest);
    if (behind != values_.begin()) {
      const auto last = static_cast<std::size_t>(behind - values_.begin()) - 1;
      if (const auto found = beginning_of(rest, last)) length = values_[*found].size();
    }
  }
  if (rest.starts_with(k_scheme_end)) {
    length = std::max(length, userinfo_length(rest));
  }
  return length;
}

// The first place from which the text to its end is the beginning of a credential, a longer one
// than what is complete there; the text's size where there is none.
std::size_t Redactor::unfinished_at(std::string_view text) const {
  const std::size_t url = unfinished_url(text);
  if (values_.empty()) return url;
  for (std::size_t at = text.size() - std::min(text.size(), longest_ - 1); at < url; ++at) {
    if (!begins_[static_cast<unsigned char>(text[at])]) continue;
    const std::string_view tail = text.substr(at);
    const auto behind = std::upper_bound(values_.begin(), values_.end(), tail);
    if (behind != values_.end() && behind->starts_with(tail)) return at;
  }
  return url;
}

// Appends `text` up to `end` to `out` without credentials. The first `covered` bytes belong to one
// whose mark is out already. Returns how many bytes behind `end` belong to the last one. Values
// that overlap become one mark: what is left of the second would give it away.
std::size_t Redactor::replace(std::string_view text, std::size_t end, std::size_t covered,
                              std::string* out) const {
  std::size_t at = 0;
  std::size_t url = find_userinfo(text, 0, end);
  while (true) {
    for (; at < std::min(covered, end); ++at) covered = std::max(covered, at + length_at(text, at));
    if (at >= end) return covered - std::min(covered, end);
    if (url < at) url = find_userinfo(text, at, end);
    const std::size_t next = find(text, at, url);
    *out += text.substr(at, next - at);
    at = next;
    if (at >= end) return 0;
    if (next == url) *out += k_scheme_end;
    *out += k_redacted;
    covered = at + length_at(text, at);
  }
}

std::string Redactor::apply(std::string_view text) const {
  std::string out;
  replace(text, text.size(), 0, &out);
  return out;
}

std::vector<std::string> Redactor::redact_argv(const std::vector<std::string>& argv) const {
  const std::vector<SecretPart> found = secret_parts(views(argv));
  std::vector<std::string> out;
  out.reserve(argv.size());
  auto next = found.begin();
  for (std::size_t index = 0; index < argv.size(); ++index) {
    std::vector<std::string_view> parts;
    for (; next != found.end() && next->word == index; ++next) parts.push_back(next->part);
    out.push_back(apply(without_parts(argv[index], std::move(parts))));
  }
  return out;
}

Environment Redactor::redact_environment(const Environment& environment) const {
  Environment out;
  out.reserve(environment.size());
  for (const auto& [name, value] : environment) {
    const bool secret = is_secret_name(name) && !value.empty();
    out.emplace_back(name, secret ? std::string(k_redacted) : redact_argv({value})[0]);
  }
  return out;
}

std::string_view StreamRedactor::pass(std::string_view text, std::size_t end) {
  const bool clean =
      covered_ == 0 && find_userinfo(text, 0, end) == end && redactor_.find(text, 0, end) == end;
  if (!clean) {
    out_.clear();
    covered_ = redactor_.replace(text, end, covered_, &out_);
  }
  held_.assign(text.substr(end));
  return clean ? text.substr(0, end) : std::string_view(out_);
}

std::string_view StreamRedactor::feed(std::string_view piece) {
  if (held_.empty()) return pass(piece, redactor_.unfinished_at(piece));
  joined_.assign(held_).append(piece);
  return pass(joined_, redactor_.unfinished_at(joined_));
}

std::string_view StreamRedactor::flush() {
  joined_.assign(held_);
  return pass(joined_, joined_.size());
}

}  // namespace coldload::text
