#include "report/plain_text.h"

#include <cstdlib>
#include <memory>

#include <cmark-gfm.h>

#include "text/escape.h"

namespace coldload::report {

std::string plain_text(const std::string& markdown_line) {
  const std::unique_ptr<cmark_node, void (*)(cmark_node*)> document(
      cmark_parse_document(markdown_line.data(), markdown_line.size(), CMARK_OPT_DEFAULT),
      cmark_node_free);
  std::string text;
  const std::unique_ptr<cmark_iter, void (*)(cmark_iter*)> nodes(cmark_iter_new(document.get()),
                                                                 cmark_iter_free);
  while (cmark_iter_next(nodes.get()) != CMARK_EVENT_DONE) {
    cmark_node* const node = cmark_iter_get_node(nodes.get());
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) text += cmark_node_get_literal(node);
  }
  return text::one_line(text);
}

}  // namespace coldload::report
