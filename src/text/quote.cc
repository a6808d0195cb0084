#include "text/quote.h"

#include "text/escape.h"

namespace coldload::text {

std::string quoted(std::string_view text, std::size_t limit_bytes) {
  if (text.size() <= limit_bytes) return '"' + one_line(text) + '"';
  std::size_t end = limit_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return '"' + one_line(text.substr(0, end)) + "...\"";
}

}  // namespace coldload::text
