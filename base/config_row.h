// Tables of things that a config chooses by name: optimizers, schedules, tasks. A row says which
// fields of the config's section belong to it, such as sgd's momentum.
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace swin::base {

/// A field that a config has where a row with it is chosen. Its value is held as numbers: one, a
/// boolean's 0 or 1, a list's, the height and width of a size, or the position of a choice among
/// `choices`; none stands for null.
struct RowField {
  enum class Kind { boolean, integer, number, choice, size, integers, numbers };
  /// A name with a dot is a field of an object: `head.channels` is `channels` of `head`.
  const char* name;
  Kind kind = Kind::number;
  std::vector<double> initial;  ///< the default
  bool nullable = false;
  std::vector<const char*> choices = {};
  double minimum = 0;
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false, below_maximum = false;  ///< excludes the bound itself
  size_t least_items = 0, most_items = 64;            ///< of a list
  const char *meaning = "", *official = "";
};

struct ConfigRow {
  const char* name;
  const char* meaning;
  std::vector<RowField> fields;

  /// Null if the row has no such field.
  const RowField* find(const std::string& field) const;
};

[[noreturn]] void refuse_row(const char* field, const std::string& name,
                             std::span<const std::string> names);

/// The row of a table. @param field whose value the name is, for the error.
/// @throws UsageError naming the rows that exist.
template <class Row>
const Row& row_named(std::span<const Row> rows, const std::string& name, const char* field) {
  for (const Row& row : rows)
    if (name == row.name) return row;
  std::vector<std::string> names;
  for (const Row& row : rows) names.emplace_back(row.name);
  refuse_row(field, name, names);
}

/// Values of row fields by name.
class RowValues {
 public:
  RowValues() = default;
  /// Every field of the row: the value set, else the default.
  RowValues(const ConfigRow& row, const RowValues& set);
  void set(const std::string& name, std::vector<double> value) { values_[name] = std::move(value); }
  /// Null if it is not set.
  const std::vector<double>* find(const std::string& name) const;
  /// @throws InternalError if it is not set.
  const std::vector<double>& numbers(const std::string& name) const;
  double number(const std::string& name) const { return numbers(name).at(0); }
  int64_t integer(const std::string& name) const { return static_cast<int64_t>(number(name)); }
  bool boolean(const std::string& name) const { return number(name) != 0; }
  std::vector<int64_t> integers(const std::string& name) const {
    const std::vector<double>& values = numbers(name);
    return {values.begin(), values.end()};
  }

 private:
  std::map<std::string, std::vector<double>> values_;
};

}  // namespace swin::base
