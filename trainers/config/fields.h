// The table of fields, one row per field of a config. Parsing, the resolved config, the JSON Schema
// and the list in configs/README.md are made from it.
#pragma once
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "trainers/config/config.h"

namespace swin::trainers {

enum class Kind {
  boolean,
  integer,
  number,
  text,
  choice,
  integers,  ///< a list
  numbers,
  texts,
  size,      ///< n or [h, w]
  sizes,     ///< a list of them
  ratios,    ///< a number or a list of numbers
  fraction,  ///< f or [begin, end]
  init_std,  ///< a number or "fan_in"
  colors,    ///< a list of [red, green, blue]
};

/// What of a field belongs to a run's identity: a run is resumed only where it is equal.
enum class Identity {
  value,
  presence,  ///< whether it is null: of a file that is read once, at the start
  none,      ///< it changes no bit of what is learned, or a fingerprint stands for it
};

struct Field {
  std::string path;  ///< "trainer.batch_size"
  Identity identity = Identity::value;
  Kind kind = Kind::text;
  bool nullable = false;
  /// Of an integer or number, or of every element of a list.
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false, below_maximum = false;  ///< excludes the bound itself
  size_t least_items = 1, most_items = 64;
  std::vector<std::string> choices;
  /// The values of `<row_section>.name` that have it; empty: all.
  std::vector<std::string> rows;
  std::string row_section;
  std::string default_text;  ///< for a default that other fields decide
  std::string meaning, official;

  /// Stores a value of the right kind and range (check_value.h).
  std::function<void(Config&, const base::Json&)> set;
  std::function<base::Json(const Config&)> get;
  /// False for the fields of a section that the config leaves out.
  std::function<bool(const Config&)> present;

  std::string section() const { return path.substr(0, path.rfind('.')); }
  std::string name() const { return path.substr(path.rfind('.') + 1); }
  /// "an integer of at least 1", for errors.
  std::string expected() const;
  /// "integer", "number or null", …, for configs/README.md.
  std::string type_text() const;
};

const std::vector<Field>& all_fields();
/// Adds the rows of `augment` and `preprocess`, and those from `optimizer` on; called by
/// all_fields.
void add_image_fields(std::vector<Field>& fields);
void add_training_fields(std::vector<Field>& fields);

/// "file:line: path" of the value at `path`, or of the nearest object that would contain it.
std::string where_of(const base::Json& document, const std::string& path);
/// "file:12", "--set", or empty for values made in memory.
std::string origin_of(const base::Json& value);
/// The value at a dotted path, null pointer where absent.
const base::Json* find_path(const base::Json& document, const std::string& path);

}  // namespace swin::trainers
