#include "stage/journal.h"

#include <optional>
#include <span>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/error.h"
#include "stage/ownership.h"
#include "stage/part.h"

namespace coldload::stage {

namespace {

// One line that two scans share only if they list the same.
std::string fingerprint(const SourceTree& tree) {
  std::string listing = fmt::format("{}\n", k_chunk_bytes);
  for (const std::string& name : tree.directories) listing += name + "\n";
  for (const SourceFile& file : tree.files) {
    listing += fmt::format("{}\n{} {} {:o}\n", file.name, file.bytes, file.mtime_ns, file.mode);
  }
  return "coldload-journal-2 " + to_text(hash_of(std::as_bytes(std::span(listing)))) + "\n";
}

std::string line_of(const JournalEntry& entry) {
  return fmt::format("{} {} {}\n", entry.file, entry.chunk, to_text(entry.hash));
}

// Leaves out the lines that a crash has cut or spoiled.
std::vector<JournalEntry> parse_journal(const std::string& text, const SourceTree& tree) {
  std::vector<JournalEntry> entries;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    JournalEntry entry;
    std::string hash;
    std::istringstream(line) >> entry.file >> entry.chunk >> hash;
    entry.hash = parse_hash(hash).value_or(Hash{});
    const bool whole = !lines.eof() && line + "\n" == line_of(entry);
    if (whole && entry.file < tree.files.size() &&
        entry.chunk < chunks_of(tree.files[entry.file].bytes)) {
      entries.push_back(entry);
    }
  }
  return entries;
}

// Empty where there is none that we made.
std::string text_of(const os::Directory& part) {
  constexpr std::size_t k_most_journal_bytes = std::size_t{1} << 30;
  const auto file = open_own(part, k_part_journal, O_RDONLY);
  std::string text;
  while (file && os::read_some(*file, &text)) {
    if (text.size() > k_most_journal_bytes) return "";
  }
  return text;
}

}  // namespace

Journal Journal::open(const os::Directory& part, const SourceTree& tree) {
  constexpr int k_flags = O_WRONLY | O_APPEND;
  constexpr mode_t k_own_file = 0600;
  const std::string head = fingerprint(tree);
  const std::string text = text_of(part);
  if (text.rfind(head, 0) == 0) {
    Journal journal(part.open_file(k_part_journal, k_flags));
    journal.found_ = parse_journal(text.substr(head.size()), tree);
    // What a crash cut must not be glued to the next entry.
    os::write_full(journal.file_, std::string("\n"));
    return journal;
  }
  part.remove_tree(k_part_data);
  part.remove_tree(k_part_journal);
  Journal journal(part.open_file(k_part_journal, k_flags | O_CREAT | O_EXCL, k_own_file));
  os::write_full(journal.file_, head);
  return journal;
}

void Journal::remove(const os::Directory& part) { part.remove_file(k_part_journal); }

void Journal::add(const JournalEntry& entry) { os::write_full(file_, line_of(entry)); }

}  // namespace coldload::stage
