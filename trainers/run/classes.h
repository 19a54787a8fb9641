// The classes of a data set and those of a head: compared by name where both have names.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"

namespace swin::trainers {

/// The class names of a data set or of a checkpoint that was trained on one, without those that are
/// only numbers: the names 0, 1, 2 … of a set that is no image folder are its labels.
/// @param format of the data set; empty if there is none. @return empty where there are no names.
std::vector<std::string> real_class_names(const std::vector<std::string>& names,
                                          const std::string& format);

/// Whether the names are equal in the same order, however they compose their characters (NFC).
bool same_names(const std::vector<std::string>& a, const std::vector<std::string>& b);

/// For errors: "; not in <where>: a, b and 4 more" of the `names` that are not among the `known`
/// ones of `where`; empty if all are.
std::string names_missing_in(const std::string& where, const std::vector<std::string>& known,
                             const std::vector<std::string>& names);

/// A head, for match_classes.
struct Head {
  std::string where;               ///< "the checkpoint", "data.train"
  std::vector<std::string> names;  ///< of its rows; empty if unknown
  bool named = false;              ///< they are names, no class numbers (real_class_names)
  int64_t num_classes = 0;
  /// For open_dataset_of.
  std::vector<std::string> known_names() const {
    return named ? names : std::vector<std::string>();
  }
};

/// A data set that is measured with a head.
struct MeasuredSet {
  std::unique_ptr<data::Dataset> images;
  /// The head's class of each class of the set, −1 where pixels of a class are ignored; empty: they
  /// are the same.
  std::vector<int64_t> labels;
  /// A sentence each: what was assumed, which classes have no image, what was left out.
  std::vector<std::string> notes;
};

struct MatchOptions {
  std::string where;                    ///< the set, for messages: "data.validation", or its path
  std::string format;                   ///< of the set
  bool ignore_unknown_classes = false;  ///< leaves their images, objects or pixels out
  /// Says how an unknown class can be left out.
  std::string ignore_remedy;
  /// Whether the classes may be taken in the order of their text where the head has no names; the
  /// note then ends with `order_remedy`. Otherwise `order_remedy` is that of the refusal.
  bool by_order = false;
  std::string order_remedy;
};

/// Matches classes by name; class numbers by number; and where only the head lacks names, by the
/// order of the data set's classes, if the numbers of classes agree.
/// @throws DataError naming the classes of images that the head does not know, unless they are left
///   out; if no image remains; or if the classes cannot be compared.
MeasuredSet match_classes(std::unique_ptr<data::Dataset> images, const Head& head,
                          const MatchOptions& options);

}  // namespace swin::trainers
