#include "text/shell_words.h"

#include <stdexcept>
#include <utility>

namespace coldload::text {

namespace {

bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\n'; }

// What ends a command or leads its output elsewhere.
constexpr std::string_view k_operators = "|&;<>()";

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  std::vector<std::string> run() {
    while (!ended()) {
      if (line_.substr(at_, 2) == "\\\n") {  // a line that goes on
        at_ += 2;
        continue;
      }
      const char letter = line_[at_++];
      if (is_blank(letter)) {
        finish();
        continue;
      }
      is_word_ = true;
      if (letter == '\'') {
        take_single_quoted();
      } else if (letter == '"') {
        take_double_quoted();
      } else if (letter == '\\') {
        take_escaped();
      } else if (k_operators.find(letter) != std::string_view::npos) {
        throw std::invalid_argument(std::string("no shell is there for its ") + letter +
                                    ": leave it out, quote it with '...', or give the whole line "
                                    "to sh -c");
      } else {
        take(letter);
      }
    }
    finish();
    return std::move(words_);
  }

 private:
  [[nodiscard]] bool ended() const { return at_ == line_.size(); }

  void finish() {
    if (is_word_) words_.push_back(std::move(word_));
    word_.clear();
    is_word_ = false;
  }

  void take(char letter) {
    if (letter == '$' || letter == '`') {
      throw std::invalid_argument(std::string("no shell replaces what begins with ") + letter +
                                  ": write its value, or quote it with '...'");
    }
    word_ += letter;
  }

  void take_single_quoted() {
    const std::size_t end = line_.find('\'', at_);
    if (end == std::string_view::npos) throw std::invalid_argument("a quote (') is not closed");
    word_ += line_.substr(at_, end - at_);
    at_ = end + 1;
  }

  // Within it \ stands for itself but before these.
  void take_double_quoted() {
    constexpr std::string_view k_escapable = "$`\"\\\n";
    while (!ended() && line_[at_] != '"') {
      const char letter = line_[at_++];
      const bool escapes =
          letter == '\\' && !ended() && k_escapable.find(line_[at_]) != std::string_view::npos;
      if (escapes) {
        take_escaped();
      } else {
        take(letter);
      }
    }
    if (ended()) throw std::invalid_argument("a quote (\") is not closed");
    ++at_;
  }

  void take_escaped() {
    if (ended()) throw std::invalid_argument("nothing follows the \\ at its end");
    const char letter = line_[at_++];
    if (letter != '\n') word_ += letter;
  }

  std::string_view line_;
  std::size_t at_ = 0;
  std::string word_;
  bool is_word_ = false;  // an empty one, too, where it is quoted
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> split_shell_words(std::string_view line) { return Splitter(line).run(); }

}  // namespace coldload::text
