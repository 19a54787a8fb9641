#include "weights/dialects_rows.h"

#include <algorithm>

#include "weights/dense_names.h"

namespace swin::weights {

namespace {

std::vector<std::string> names_in(std::string_view text, const char* block) {
  constexpr std::string_view kBetween = " | ";
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find(kBetween), text.size());
    std::string name(text.substr(0, end));
    if (name[0] == '@') name.replace(0, 1, block);
    names.push_back(std::move(name));
    text.remove_prefix(std::min(end + kBetween.size(), text.size()));
  }
  return names;
}

}  // namespace

std::vector<Row> rows_of(Dialect dialect, unsigned model, std::optional<Dialect> heads) {
  const DialectTable& table = table_of(dialect);
  const bool vit = model == kVit;
  std::vector<Row> rows;
  for (const NamePair& pair : table.pairs) {
    if ((pair.models & model) == 0) continue;
    const char* theirs = *pair.theirs ? pair.theirs : pair.ours;
    rows.push_back({names_in(pair.ours, vit ? kVitBlock : kBlock),
                    names_in(theirs, vit ? table.vit_block : table.block), pair.transform});
  }
  if (!vit)
    for (Row& row : dense_rows(heads.value_or(dialect))) rows.push_back(std::move(row));
  // Libraries whose own models have no such norms: a backbone that is made of one adds them.
  if (heads && (dialect == Dialect::timm || dialect == Dialect::torchvision))
    rows.push_back({{kStageNorm}, {kStageNorm}, Transform::same});
  return rows;
}

std::optional<Found> find_row(const std::vector<Row>& rows, std::vector<std::string> Row::*names,
                              std::string_view name) {
  Found found;
  for (found.entry.row = 0; found.entry.row < rows.size(); ++found.entry.row) {
    const std::vector<std::string>& patterns = rows[found.entry.row].*names;
    for (found.part = 0; found.part < patterns.size(); ++found.part)
      if (match(patterns[found.part], name, found.entry.binding)) return found;
  }
  return std::nullopt;
}

NamedArray joined(std::span<const NamedArray* const> parts, std::vector<int64_t> shape) {
  size_t size_bytes = 0;
  for (const NamedArray* part : parts) size_bytes += part->bytes.size();
  auto bytes = std::make_shared<std::vector<std::byte>>();
  bytes->reserve(size_bytes);
  for (const NamedArray* part : parts)
    bytes->insert(bytes->end(), part->bytes.begin(), part->bytes.end());
  NamedArray whole;
  whole.dtype = parts[0]->dtype;
  whole.shape = std::move(shape);
  whole.bytes = *bytes;
  whole.owner = std::move(bytes);
  return whole;
}

NamedArray rows_of_array(const NamedArray& array, int64_t first, int64_t count) {
  NamedArray rows = array;
  const size_t row_bytes =
      array.shape[0] > 0 ? array.bytes.size() / static_cast<size_t>(array.shape[0]) : 0;
  rows.shape[0] = count;
  rows.bytes = array.bytes.subspan(static_cast<size_t>(first) * row_bytes,
                                   static_cast<size_t>(count) * row_bytes);
  return rows;
}

std::vector<double> values_of(const NamedArray& array, const std::string& where) {
  std::vector<double> values(static_cast<size_t>(array.num_elements()));
  files::read_float64(array, where, values);
  return values;
}

}  // namespace swin::weights
