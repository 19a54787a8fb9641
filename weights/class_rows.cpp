#include "weights/class_rows.h"

#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "base/unicode.h"

namespace swin::weights {

ClassRows rows_by_name(const std::vector<std::string>& here,
                       const std::vector<std::string>& in_file) {
  std::unordered_map<std::string, int64_t> by_name;
  for (size_t i = 0; i < in_file.size(); ++i)
    by_name.emplace(base::composed(in_file[i]), static_cast<int64_t>(i));
  ClassRows result;
  std::vector<std::string> dropped;
  std::unordered_set<int64_t> kept;
  result.same = in_file.size() == here.size();
  for (size_t k = 0; k < here.size(); ++k) {
    const auto found = by_name.find(base::composed(here[k]));
    const int64_t row = found == by_name.end() ? -1 : found->second;
    result.same &= row == static_cast<int64_t>(k);
    result.rows.push_back(row);
    if (row < 0)
      result.added.push_back(base::printable(here[k]));
    else
      kept.insert(row);
  }
  for (size_t i = 0; i < in_file.size(); ++i)
    if (!kept.contains(static_cast<int64_t>(i))) dropped.push_back(base::printable(in_file[i]));
  result.num_kept = std::ssize(kept);
  const auto counted = [](const std::vector<std::string>& names, const char* what) {
    return names.empty()
               ? std::string()
               : ", " + std::to_string(names.size()) + what + " (" + base::listing(names) + ")";
  };
  result.detail = "rows by class name: " + std::to_string(kept.size()) + " kept" +
                  counted(dropped, " dropped") + counted(result.added, " new");
  if (dropped.empty() && result.added.empty()) result.detail += ", in another order";
  return result;
}

}  // namespace swin::weights
