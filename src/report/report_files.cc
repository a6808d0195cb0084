#include "report/report_files.h"

#include <filesystem>
#include <utility>

#include "charts/comparison_charts.h"
#include "os/file.h"
#include "records/dataset.h"
#include "report/html.h"
#include "report/markdown.h"

namespace coldload::report {

void write_report_files(const std::vector<std::string>& jsonl_paths,
                        const std::vector<Comparison>& comparisons,
                        const std::string& markdown_path) {
  const std::filesystem::path path(markdown_path);
  if (path.extension() != ".md") {
    os::replace_text(markdown_path, markdown_report(comparisons));
    return;
  }
  const std::string stem = path.stem().string();
  PictureNames names;
  std::vector<Picture> pictures;  // in the order in which the report shows them
  const auto add = [&](auto drawn, const std::string& name, std::string* shown) {
    Picture picture{drawn(charts::Place::wide), drawn(charts::Place::narrow)};
    if (picture.wide.empty()) return;
    os::replace_text(path.parent_path() / name, picture.wide);
    *shown = name;
    pictures.push_back(std::move(picture));
  };
  if (!comparisons.empty()) {
    const Comparison& latest = comparisons.front();
    add([&](charts::Place place) { return charts::start_chart(latest, place); }, stem + ".svg",
        &names.starts);
    add([&](charts::Place place) { return charts::herd_chart(latest, place); }, stem + "_herd.svg",
        &names.herds);
    add([&](charts::Place place) { return charts::layers_chart(latest, place); },
        stem + "_layers.svg", &names.layers);
    const records::Timelines timelines =
        records::read_timelines(jsonl_paths, charts::timeline_trials(latest));
    add([&](charts::Place place) { return charts::timeline_chart(latest, timelines, place); },
        stem + "_timelines.svg", &names.timelines);
  }
  const std::string markdown = markdown_report(comparisons, names);
  os::replace_text(path.parent_path() / (stem + ".html"), html_page(markdown, pictures));
  os::replace_text(markdown_path, markdown);
}

}  // namespace coldload::report
