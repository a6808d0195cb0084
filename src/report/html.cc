#include "report/html.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <boost/algorithm/string/erase.hpp>
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
  void operator()(cmark_iter* iterator) const { cmark_iter_free(iterator); }
  void operator()(char* text) const { std::free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Freed>;

// The folds that a report makes come as blocks of HTML: those alone are let through. Text from
// outside cannot look like one, as it is escaped.
bool is_fold(std::string_view html) {
  constexpr std::string_view k_begin = "<details>\n<summary>";
  constexpr std::string_view k_end = "</summary>\n";
  if (html == "</details>\n") return true;
  if (!html.starts_with(k_begin) || !html.ends_with(k_end)) return false;
  html.remove_prefix(k_begin.size());
  html.remove_suffix(k_end.size());
  return html.find('<') == std::string_view::npos && html.find('\n') == std::string_view::npos;
}

void let_folds_through(cmark_node* document) {
  cmark_node* next = nullptr;
  for (cmark_node* node = cmark_node_first_child(document); node != nullptr; node = next) {
    next = cmark_node_next(node);
    if (cmark_node_get_type(node) != CMARK_NODE_HTML_BLOCK) continue;
    const std::string html = cmark_node_get_literal(node);
    if (!is_fold(html)) continue;
    cmark_node* const fold = cmark_node_new(CMARK_NODE_CUSTOM_BLOCK);
    cmark_node_set_on_enter(fold, html.c_str());
    cmark_node_replace(node, fold);
    cmark_node_free(node);
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%'; }

// A figure stays on one line with its unit, or with what it counts. Code is left as it is: it is
// copied.
void keep_units_with_figures(cmark_node* document) {
  const std::unique_ptr<cmark_iter, Freed> iterator(cmark_iter_new(document));
  while (cmark_iter_next(iterator.get()) != CMARK_EVENT_DONE) {
    cmark_node* const node = cmark_iter_get_node(iterator.get());
    if (cmark_node_get_type(node) != CMARK_NODE_TEXT) continue;
    const std::string_view text = cmark_node_get_literal(node);
    std::string kept;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool is_within = i > 0 && i + 1 < text.size() && text[i] == ' ';
      if (is_within && is_digit(text[i - 1]) && begins_word(text[i + 1])) {
        kept += "\u00a0";
      } else {
        kept += text[i];
      }
    }
    if (kept != text) cmark_node_set_literal(node, kept.c_str());
  }
}

// GitHub's Markdown with tables, as HTML without anything that was HTML before but folds.
std::string rendered(const std::string& markdown) {
  cmark_gfm_core_extensions_ensure_registered();
  const Owned<cmark_parser> parser(cmark_parser_new(CMARK_OPT_DEFAULT));
  cmark_syntax_extension* const tables = cmark_find_syntax_extension("table");
  if (tables == nullptr || cmark_parser_attach_syntax_extension(parser.get(), tables) == 0) {
    throw os::Error("cannot write the page: this build's Markdown library knows no tables");
  }
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const Owned<cmark_node> document(cmark_parser_finish(parser.get()));
  let_folds_through(document.get());
  keep_units_with_figures(document.get());
  const Owned<char> html(cmark_render_html(document.get(), CMARK_OPT_DEFAULT,
                                           cmark_parser_get_syntax_extensions(parser.get())));
  return html.get();
}

// A picture without its own copy of the rules that the page has once.
std::string without_style(std::string svg) {
  boost::erase_first(svg, charts::svg::style_element());
  return svg;
}

// In the place of the images, in their order.
void set_pictures(std::string* html, const std::vector<Picture>& pictures) {
  std::size_t at = 0;
  for (const Picture& picture : pictures) {
    const std::size_t begin = html->find("<p><img ", at);
    if (begin == std::string::npos) return;
    constexpr std::string_view k_end = "/></p>";
    const std::size_t end = html->find(k_end, begin);
    if (end == std::string::npos) return;
    const std::string figure =
        fmt::format("<figure class=\"wide\">\n{}</figure>\n<figure class=\"narrow\">\n{}</figure>",
                    without_style(picture.wide), without_style(picture.narrow));
    html->replace(begin, end + k_end.size() - begin, figure);
    at = begin + figure.size();
  }
}

// "what-to-doubt" of "What to doubt".
std::string anchor_of(std::string_view title) {
  std::string out;
  for (const char c : title) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_word) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (!is_word && !out.empty() && out.back() != '-') out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

// Gives the sections anchors, and the page its contents, before the first that is not on the first
// screen.
void set_contents(std::string* html) {
  struct Kind {
    std::string_view begin;    // what stands before a title
    std::string_view end;      // and after
    std::string_view opening;  // of the element that has the anchor, up to its name
    std::string_view rest;     // and after the anchor
  };
  static constexpr std::array<Kind, 2> k_kinds{
      {{"<h2>", "</h2>", "<h2 id=\"", "\">"},
       {"<details>\n<summary>", "</summary>", "<details id=\"", "\">\n<summary>"}}};
  std::string links;
  std::size_t at = 0;
  std::size_t contents_at = std::string::npos;
  while (at < html->size()) {
    const Kind* next = nullptr;
    std::size_t begin = std::string::npos;
    for (const Kind& kind : k_kinds) {
      const std::size_t found = html->find(kind.begin, at);
      if (found < begin) {
        begin = found;
        next = &kind;
      }
    }
    if (next == nullptr) break;
    const std::size_t title_at = begin + next->begin.size();
    const std::string title = html->substr(title_at, html->find(next->end, title_at) - title_at);
    const std::string anchor = anchor_of(title);
    if (contents_at == std::string::npos && anchor != "what-to-do" && anchor != "notes") {
      contents_at = begin;
    }
    if (contents_at != std::string::npos) {
      links += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", anchor, title);
    }
    const std::string opening = fmt::format("{}{}{}", next->opening, anchor, next->rest);
    html->replace(begin, next->begin.size(), opening);
    at = begin + opening.size();
  }
  if (contents_at == std::string::npos) return;
  html->insert(contents_at,
               fmt::format("<nav aria-label=\"contents\"><ul>\n{}</ul></nav>\n", links));
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

std::string html_page(const std::string& markdown, const std::vector<Picture>& pictures) {
  std::string body = rendered(markdown);
  set_contents(&body);
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
      "<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n<main>\n{}</main>\n"
      "<script>{}</script>\n</body>\n</html>\n",
      heading_of(body), k_page_style, pictures.empty() ? "" : charts::svg::style(), body,
      k_page_script);
}

}  // namespace coldload::report
