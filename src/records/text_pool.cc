#include "records/text_pool.h"

#include <cstring>

namespace coldload::records {

std::string_view TextPool::share(std::string_view text) {
  const auto known = known_.find(text);
  return known != known_.end() ? *known : *known_.insert(keep(text)).first;
}

Texts TextPool::share(const std::vector<std::string>& texts) {
  std::vector<std::string_view> shared;
  shared.reserve(texts.size());
  for (const std::string& text : texts) shared.push_back(share(std::string_view(text)));
  return share(Texts(shared));
}

std::string_view TextPool::keep(std::string_view text) {
  if (text.empty()) return {};
  void* const place = memory_.allocate(text.size(), k_alignment);
  std::memcpy(place, text.data(), text.size());
  return {static_cast<const char*>(place), text.size()};
}

}  // namespace coldload::records
