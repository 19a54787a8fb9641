// What a run was started with: its config and where the values come from, machine, initial weights.
#include <algorithm>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "trainers/config/fields.h"
#include "trainers/report/html.h"
#include "trainers/report/report_parts.h"

namespace swin::trainers {
namespace {

using base::Json;
using Rows = std::vector<std::vector<std::string>>;

constexpr size_t kLongestValue = 600;

std::string value_text(const Json& value) {
  return base::shortened(value.is_string() ? value.as_string() : base::to_text(value),
                         kLongestValue);
}

/// The leaves of a document with their dotted paths.
std::vector<std::pair<std::string, Json>> leaves(const Json& json, const std::string& path = "") {
  if (!json.is_object()) return {{path, json}};
  std::vector<std::pair<std::string, Json>> list;
  for (const auto& [key, value] : json.members())
    for (auto& leaf : leaves(value, path.empty() ? key : path + "." + key))
      list.push_back(std::move(leaf));
  return list;
}

Json without(const Json& json, const std::string& path) {
  Json result = json;
  const size_t dot = path.find('.');
  if (Json* child = result.find(path.substr(0, dot))) {
    if (dot == std::string::npos)
      std::erase_if(result.members(), [&](const Json::Member& m) { return m.first == path; });
    else
      *child = without(*child, path.substr(dot + 1));
  }
  return result;
}

/// Whether a config that does not say this field has the same value.
bool is_default(const Json& config, const std::string& path, const Json& value) {
  try {
    const Json resolved = to_json(parse_config_without_data(without(config, path)));
    const Json* found = find_path(resolved, path);
    return found && *found == value;
  } catch (const base::Error&) {  // it cannot be left out, or the config is of another version
    return false;
  }
}

std::string details(const std::string& summary, const std::string& body) {
  return "<details><summary>" + html_text(summary) + "</summary>\n" + body + "</details>\n";
}

Rows rows_of(const Json& json) {
  Rows rows;
  for (const auto& [path, value] : leaves(json)) rows.push_back({path, value_text(value)});
  return rows;
}

std::string fact_table(const Rows& rows) { return html_table({{"", "name"}, {"", "wide"}}, rows); }

}  // namespace

std::string config_table(const ReportedRun& run) {
  if (!run.config.is_object()) return "<p class=\"faint\">config.json is missing or damaged.</p>\n";
  const Json* origins = run.record.find("config_origins");
  Rows changed, rest;
  for (const auto& [path, value] : leaves(run.config)) {
    const Json* origin = origins ? origins->find(path) : nullptr;
    if (!origin && is_default(run.config, path, value))
      rest.push_back({path, value_text(value), "default"});
    else  // without an origin: the number of classes, which the data say, or the run's folder
      changed.push_back({path, value_text(value),
                         origin && origin->is_string() ? origin->as_string()
                         : origins                     ? "the run itself"
                                                       : "set"});
  }
  const std::vector<HtmlColumn> columns = {
      {"field", "name"}, {"value", "wide"}, {"origin", "name"}};
  std::string text;
  if (!origins)
    text =
        "<p class=\"faint\">The run does not say where its values come from. Those are listed "
        "first that are not the default.</p>\n";
  return text + html_table(columns, changed) +
         details(
             base::counted(std::ssize(rest), "field has its default", "fields have their default"),
             html_table(columns, rest));
}

std::string config_differences(std::span<const ReportedRun> runs) {
  std::vector<std::string> paths;
  std::vector<std::vector<std::pair<std::string, Json>>> all;
  for (const ReportedRun& run : runs) {
    all.push_back(run.config.is_object() ? leaves(run.config) : decltype(leaves(run.config))());
    for (const auto& [path, value] : all.back())
      if (!path.starts_with("runtime.") && std::ranges::find(paths, path) == paths.end())
        paths.push_back(path);
  }
  std::vector<HtmlColumn> columns = {{"field", "name"}};
  for (const ReportedRun& run : runs) columns.push_back({run.info.name, "name"});
  Rows rows;
  for (const std::string& path : paths) {
    std::vector<std::string> row = {path};
    for (const auto& leaves_of_run : all) {
      const auto found =
          std::ranges::find(leaves_of_run, path, [](const auto& l) { return l.first; });
      row.push_back(found == leaves_of_run.end() ? "–" : value_text(found->second));
    }
    if (std::any_of(row.begin() + 2, row.end(), [&](const auto& cell) { return cell != row[1]; }))
      rows.push_back(row);
  }
  if (rows.empty()) return "<p>Their configs are equal.</p>\n";
  return html_table(columns, rows);
}

std::string environment(const ReportedRun& run) {
  std::string text;
  if (run.record.is_object()) {
    Json facts = run.record;
    std::erase_if(facts.members(), [](const Json::Member& m) {
      return m.first == "result" || m.first == "config_origins";
    });
    text += fact_table(rows_of(facts));
    if (const Json* data = find_path(run.record, "result.data"); data && data->is_object())
      text += details("Data sets", fact_table(rows_of(*data)));
  } else {
    text += "<p class=\"faint\">run.json is missing or damaged.</p>\n";
  }
  if (run.init.is_object()) {
    Json facts = run.init;
    std::erase_if(facts.members(), [](const Json::Member& m) { return m.first == "tensors"; });
    text += "<h3>Initial weights</h3>\n" + fact_table(rows_of(facts));
  }
  if (run.num_bad_images > 0) {
    Rows rows;
    for (const BadImage& image : run.bad_images)
      rows.push_back(
          {base::shortened(image.path, 200), base::shortened(image.error, kLongestValue)});
    text += "<h3>Images that could not be read</h3>\n<p>" +
            base::counted(run.num_bad_images, "image") + "; bad.jsonl has all of them.</p>\n" +
            html_table({{"image", "wide"}, {"why", "wide"}}, rows);
  }
  return text;
}

}  // namespace swin::trainers
