#include "cli/weight_report.h"

#include <map>

#include "base/size2.h"
#include "base/text.h"
#include "cli/console.h"
#include "weights/detector_names.h"

namespace swin::cli {
namespace {

std::map<std::string, int64_t> dtypes_of(const weights::WeightFile& file) {
  std::map<std::string, int64_t> arrays;
  for (const files::NamedArray& array : file.arrays) ++arrays[files::name_of(array.dtype)];
  return arrays;
}

int64_t num_values(const weights::WeightFile& file) {
  int64_t values = 0;
  for (const files::NamedArray& array : file.arrays) values += array.num_elements();
  return values;
}

template <class Numbers>
std::string dashed(const Numbers& numbers) {
  std::string text;
  for (const int64_t n : numbers) text += (text.empty() ? "" : "-") + std::to_string(n);
  return text;
}

std::string side_text(layers::Size2 size) {
  return size[0] == size[1] ? std::to_string(size[0]) : base::size_text(size);
}

}  // namespace

weights::ReadOptions read_options(const WeightArguments& arguments) {
  weights::ReadOptions options;
  options.from.set = arguments.ema ? files::WeightSet::averaged : files::WeightSet::trained;
  options.from.key = arguments.key.value_or("");
  options.prefix = arguments.prefix;
  return options;
}

std::string summary(const weights::WeightFile& file) {
  std::string types;
  for (const auto& [name, count] : dtypes_of(file)) types += (types.empty() ? "" : ", ") + name;
  std::string text =
      file.format + ", " + weights::name_of(file.dialect) + "'s names, " + file.model;
  if (file.kind == weights::WeightKind::simmim) text += " under SimMIM";
  if (file.kind == weights::WeightKind::backbone) text += " backbone";
  if (file.kind == weights::WeightKind::segmenter) text += " with UPerNet";
  if (file.kind == weights::WeightKind::detector) text += " with " + weights::detector_name(file);
  return text + ", " + grouped(num_values(file)) + " values in " +
         grouped(static_cast<int64_t>(file.arrays.size())) + " arrays of " + types;
}

std::string skipped_text(const weights::WeightFile& file) {
  std::map<std::string, std::vector<std::string>> keys;
  for (const weights::WeightFile::Skipped& skipped : file.skipped)
    keys[skipped.reason].push_back(base::printable(skipped.key));
  std::string text;
  for (const auto& [reason, skipped] : keys)
    text += grouped(static_cast<int64_t>(skipped.size())) +
            (skipped.size() == 1 ? " key" : " keys") + " skipped: " + base::listing(skipped) +
            ": " + one_line(reason) + "\n";
  return text;
}

std::string class_names_text(const weights::WeightFile& file) {
  if (file.class_names.empty()) return "";
  std::vector<std::string> shown;
  for (const std::string& name : file.class_names) {
    if (shown.size() == 5) break;
    shown.push_back(base::printable(name));
  }
  const size_t more = file.class_names.size() - shown.size();
  return "Classes: " + base::listing(shown, shown.size()) +
         (more > 0 ? " and " + grouped(static_cast<int64_t>(more)) + " more" : "") + "\n";
}

std::string sizes_text(const layers::ModelConfig& config) {
  std::string text = config.name + ", patch " + std::to_string(config.patch_size) + ", embed_dim " +
                     std::to_string(config.embed_dim) + ", depths " + dashed(config.depths) +
                     ", heads " + dashed(config.num_heads);
  if (config.name != "vit") {
    text += ", window ";
    if (config.window_sizes.empty()) {
      text += side_text(config.window_size);
    } else {
      for (size_t i = 0; i < config.window_sizes.size(); ++i)
        text += (i ? "-" : "") + side_text(config.window_sizes[i]);
    }
  }
  text += ", image " + base::size_text(config.image_size);
  if (config.num_classes > 0) text += ", " + grouped(config.num_classes) + " classes";
  return text;
}

void describe(const weights::WeightFile& file, base::Json& result) {
  result["format"] = file.format;
  result["dialect"] = weights::name_of(file.dialect);
  result["model"] = file.model;
  result["kind"] = weights::name_of(file.kind);
  result["parameters"] = num_values(file);
  base::Json& dtypes = result["dtypes"] = base::Json::object();
  for (const auto& [name, count] : dtypes_of(file)) dtypes[name] = count;
  base::Json& skipped = result["skipped"] = base::Json::array();
  for (const weights::WeightFile::Skipped& entry : file.skipped) {
    base::Json row = base::Json::object();
    row["key"] = entry.key;
    row["reason"] = entry.reason;
    skipped.push_back(row);
  }
  result["notes"] = base::Json::array_of(file.notes);
  result["class_names"] = base::Json::array_of(file.class_names);
}

}  // namespace swin::cli
