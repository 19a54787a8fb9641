// What a data set finds beside its images, and what is likely a slip in how it is given.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

/// Collects Dataset::passed_over().
class PassedOverList {
 public:
  void add(const std::string& reason, std::string name) {
    names_of_[reason].push_back(std::move(name));
  }
  /// A file whose content is no image that is read: "no image (.txt)".
  void add_no_image(std::string name);
  int64_t count() const;
  /// Sorted by reason, the names of each, too. Of many endings the rarest become one reason,
  /// "no image (other endings)", so that numbered files (frame.0001) are no reason each.
  std::vector<PassedOver> take();

 private:
  std::map<std::string, std::vector<std::string>> names_of_;
};

/// Sentences for Dataset::warnings() on the classes of a set of one class per image: splits as
/// classes (a path one level too high), or one class alone.
/// @param folder of the class folders; empty where classes are no folders.
std::vector<std::string> class_warnings(const std::vector<std::string>& class_names,
                                        const std::string& folder);

}  // namespace swin::data
