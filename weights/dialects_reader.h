// Reads the arrays of one model, in any dialect, into official names. Part of
// weights/dialects_read.cpp.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weights/dialects_recognition.h"

namespace swin::weights {

/// An array, its key in the file, and its name in the model.
struct Item {
  std::string key, name;
  NamedArray array;
  bool outer = false;  ///< beside the network: of a head that the network is a backbone of
};

/// What keeps the arrays of a place from being a model.
struct Survey {
  std::optional<Dialect> dialect;  ///< empty: the names are of no known dialect
  std::string model;
  std::vector<WeightFile::Missing> missing;
  int64_t num_unexpected = 0;
  bool complete() const { return dialect && missing.empty() && num_unexpected == 0; }
};

/// Why a key beside a backbone is skipped.
inline constexpr const char* kNotOfBackbone = "not of the backbone";

class DialectReader {
 public:
  /// @param outer prefix of the keys beside the network, for those that are missing.
  /// @param prefix of the keys of the network.
  DialectReader(std::vector<Item> items, std::string outer, std::string prefix,
                const std::string& where, const ReadOptions& options);

  /// Looks at the names only; nothing is refused.
  Survey survey();
  /// @throws base::WeightError as to_official does.
  WeightFile read();

 private:
  void unflatten();
  bool recognize();
  void leave_other_heads();
  bool has_heads_of_torchvision() const;
  void unwrap_head();
  void sort_into_rows();
  std::vector<WeightFile::Missing> missing() const;
  std::string in_file(const std::string& name) const;
  std::string key_of(const std::string& official) const;
  [[noreturn]] void refuse_dialect() const;
  [[noreturn]] void refuse_unexpected() const;
  [[noreturn]] void refuse_head(const std::vector<std::string>& layers) const;
  void emit(const TableEntry& entry);
  void require_rows(const NamedArray& array, int64_t least, const std::string& key) const;
  void require_multiple(const NamedArray& array, size_t axis, int64_t factor,
                        const std::string& key) const;
  void name_last_norm();
  void find_kind();
  void drop_last_norm();
  void flatten_positions();
  void name_backbone();
  void require_distinct() const;
  void round_doubles();

  WeightFile file_;
  std::string outer_, prefix_;
  const ReadOptions& options_;
  std::vector<Item> items_;
  std::vector<Row> rows_;
  Dialect backbone_ = Dialect::official;  // the names of the network; file_.dialect those of heads
  std::map<TableEntry, std::vector<const Item*>> parts_;
  std::vector<TableEntry> order_;  // keys of parts_, in the order of the file
  std::vector<size_t> unexpected_;
  std::vector<std::string> twice_;        // "KEY and KEY", which have one name
  std::vector<std::string> head_layers_;  // of a head that cannot be read
};

}  // namespace swin::weights
