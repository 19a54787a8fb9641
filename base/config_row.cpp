#include "base/config_row.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"

namespace swin::base {

const RowField* ConfigRow::find(const std::string& field) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const RowField& f) { return field == f.name; });
  return found == fields.end() ? nullptr : &*found;
}

void refuse_row(const char* field, const std::string& name, std::span<const std::string> names) {
  throw UsageError(field, "found \"" + name + "\", expected " + alternatives(names));
}

RowValues::RowValues(const ConfigRow& row, const RowValues& set) {
  for (const RowField& field : row.fields) {
    const std::vector<double>* value = set.find(field.name);
    this->set(field.name, value ? *value : field.initial);
  }
}

const std::vector<double>* RowValues::find(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

const std::vector<double>& RowValues::numbers(const std::string& name) const {
  if (const std::vector<double>* value = find(name)) return *value;
  throw InternalError(name, "found no such field in the chosen row, expected one");
}

}  // namespace swin::base
