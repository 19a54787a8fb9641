#include "weights/dialects.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"
#include "weights/detector_names.h"
#include "weights/dialects_rows.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

constexpr const char* kDialectNames[] = {"official", "timm", "torchvision", "huggingface", "mm"};
constexpr const char* kKindNames[] = {"model", "simmim", "backbone", "segmenter", "detector"};

}  // namespace

const char* name_of(Dialect dialect) { return kDialectNames[static_cast<size_t>(dialect)]; }
const char* name_of(WeightKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

std::optional<Dialect> dialect_named(std::string_view name) {
  for (size_t i = 0; i < std::size(kDialectNames); ++i)
    if (name == kDialectNames[i]) return static_cast<Dialect>(i);
  return std::nullopt;
}

std::vector<std::string> writable_dialects() {
  return {std::begin(kDialectNames), std::end(kDialectNames)};
}

bool is_derived_table(std::string_view name) {
  const std::string_view leaf = name.substr(name.rfind('.') + 1);  // npos + 1 is 0: the whole name
  return leaf == "relative_position_index" || leaf == "attn_mask" ||
         leaf == "relative_coords_table";
}

const NamedArray* WeightFile::find(std::string_view name) const {
  for (const NamedArray& array : arrays)
    if (array.name == name) return &array;
  return nullptr;
}

const NamedArray* WeightFile::class_rows() const {
  const NamedArray* rows = find(kind == WeightKind::segmenter  ? std::string(kClassRows) + "weight"
                                : kind == WeightKind::detector ? detector_classes(false)
                                                               : "head.weight");
  if (!rows && kind == WeightKind::detector) rows = find(detector_classes(true));
  return rows && !rows->shape.empty() ? rows : nullptr;
}

int64_t WeightFile::num_classes() const {
  const NamedArray* rows = class_rows();
  return rows ? rows->shape[0] - (class_rows_of(rows->name)->background ? 1 : 0) : 0;
}

void require_complete(const WeightFile& file) {
  if (file.missing.empty()) return;
  std::vector<std::string> names;
  for (const WeightFile::Missing& missing : file.missing)
    names.push_back(missing.name == missing.key
                        ? missing.name
                        : missing.name + " (" + base::printable(missing.key) + " in the file)");
  throw base::WeightError(
      file.where,
      "found no " + base::listing(names) + ", expected all parameters of a " + file.model,
      "save the state dict of the whole model");
}

std::vector<NamedArray> encoder_of(std::span<const NamedArray> arrays) {
  const bool simmim = std::any_of(arrays.begin(), arrays.end(), [](const NamedArray& array) {
    return array.name.starts_with("encoder.patch_embed.");
  });
  std::vector<NamedArray> encoder;
  for (const NamedArray& array : arrays) {
    if (!simmim) {
      encoder.push_back(array);
    } else if (array.name.starts_with(kEncoderPrefix) && array.name != "encoder.mask_token") {
      encoder.push_back(array);
      encoder.back().name.erase(0, kEncoderPrefix.size());
    }
  }
  return encoder;
}

}  // namespace swin::weights
