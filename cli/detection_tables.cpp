#include "cli/detection_tables.h"

#include <map>
#include <vector>

#include "cli/console.h"

namespace swin::cli {
namespace {

// "box_dAP_Cls" → {"box_dAP", "Cls"}.
std::pair<std::string, std::string> parts_of(const std::string& metric) {
  const size_t last = metric.rfind('_');
  return {metric.substr(0, last), metric.substr(last + 1)};
}

}  // namespace

std::string of_objects(double value) { return value < 0 ? "-" : fixed(value, 4); }

std::string errors_text(const tasks::Metrics& errors) {
  if (errors.empty()) return "";
  static const std::map<std::string, std::string> kMeanings = {
      {"Cls", "right place, wrong class"},
      {"Loc", "right class, place only near"},
      {"Both", "wrong class, place only near"},
      {"Dupe", "an object found a second time"},
      {"Bkg", "nothing is there"},
      {"Miss", "an object not found"},
      {"FalsePos", "all that is found and not there"},
      {"FalseNeg", "all that is there and not found"}};
  std::vector<Table::Column> columns = {{"ERROR"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& [metric, value] : errors) {
    const auto [column, kind] = parts_of(metric);
    if (columns.back().title != column) columns.push_back({column, Table::Align::right});
    if (columns.size() == 2) rows.push_back({kind});
    for (std::vector<std::string>& row : rows)
      if (row[0] == kind) row.push_back(of_objects(value));
  }
  columns.push_back({""});
  Table table(columns);
  for (std::vector<std::string>& row : rows) {
    const auto meaning = kMeanings.find(row[0]);
    row.push_back(meaning == kMeanings.end() ? "" : meaning->second);
    table.row(row);
  }
  return table.text() +
         "dAP: what AP50 would gain if the errors of a kind alone were put right (TIDE)\n";
}

}  // namespace swin::cli
