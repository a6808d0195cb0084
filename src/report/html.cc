#include "report/html.h"

#include <cstdlib>
#include <memory>
#include <string_view>

#include <boost/algorithm/string/replace.hpp>
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <fmt/format.h>

#include "charts/svg.h"
#include "os/error.h"
#include "report/html_style.h"

namespace coldload::report {

namespace {

struct Freed {
  void operator()(cmark_parser* parser) const { cmark_parser_free(parser); }
  void operator()(cmark_node* node) const { cmark_node_free(node); }
  void operator()(char* text) const { std::free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Freed>;

// GitHub's Markdown with tables, as HTML without anything that was HTML before.
std::string rendered(const std::string& markdown) {
  cmark_gfm_core_extensions_ensure_registered();
  const Owned<cmark_parser> parser(cmark_parser_new(CMARK_OPT_DEFAULT));
  cmark_syntax_extension* const tables = cmark_find_syntax_extension("table");
  if (tables == nullptr || cmark_parser_attach_syntax_extension(parser.get(), tables) == 0) {
    throw os::Error("cannot write the page: this build's Markdown library knows no tables");
  }
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const Owned<cmark_node> document(cmark_parser_finish(parser.get()));
  const Owned<char> html(cmark_render_html(document.get(), CMARK_OPT_DEFAULT,
                                           cmark_parser_get_syntax_extensions(parser.get())));
  return html.get();
}

// In the place of the images, in their order.
void set_pictures(std::string* html, const std::vector<std::string>& svgs) {
  std::size_t at = 0;
  for (const std::string& svg : svgs) {
    const std::size_t begin = html->find("<p><img ", at);
    if (begin == std::string::npos) return;
    constexpr std::string_view k_end = "/></p>";
    const std::size_t end = html->find(k_end, begin);
    if (end == std::string::npos) return;
    const std::string figure = "<figure>\n" + svg + "</figure>";
    html->replace(begin, end + k_end.size() - begin, figure);
    at = begin + figure.size();
  }
}

// The first heading's text, escaped as it is there.
std::string heading_of(const std::string& body) {
  constexpr std::string_view k_begin = "<h1>";
  const std::size_t begin = body.find(k_begin);
  if (begin == std::string::npos) return "";
  std::string title;
  bool in_tag = false;
  for (const char c : body.substr(begin, body.find("</h1>", begin) - begin)) {
    if (c == '<') in_tag = true;
    if (!in_tag) title += c;
    if (c == '>') in_tag = false;
  }
  return title;
}

}  // namespace

std::string html_page(const std::string& markdown, const std::vector<std::string>& pictures) {
  std::string body = rendered(markdown);
  set_pictures(&body, pictures);
  boost::replace_all(body, "<table>", "<div class=\"scroll\" tabindex=\"0\"><table>");
  boost::replace_all(body, "</table>", "</table></div>");
  boost::replace_all(body, "<th", "<th scope=\"col\"");
  boost::replace_all(body, "<th scope=\"col\"ead", "<thead");
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n"
      "<script>{}</script>\n</body>\n</html>\n",
      heading_of(body), k_page_style, body, k_page_script);
}

}  // namespace coldload::report
