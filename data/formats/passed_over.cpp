#include "data/formats/passed_over.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "data/formats/encoded_dataset.h"

namespace swin::data {
namespace {

constexpr size_t kMostEndings = 8;  // that are a reason each
constexpr char kNoImage[] = "no image (", kOther[] = "no image (other endings)";

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// What a class may be called that is surely a split, as in "train2017", "seg_test", "Validation".
enum class Part { none, training, held_out };
Part part_named(const std::string& name) {
  constexpr std::array kTraining = {"train", "training", "trainset", "trainval"};
  constexpr std::array kHeldOut = {"val",     "valid", "validation", "test", "testing",
                                   "testset", "eval",  "evaluation", "dev",  "holdout"};
  const std::string lower = lower_case(name);
  for (size_t at = 0; at < lower.size();) {
    const auto begin =
        std::find_if(lower.begin() + static_cast<std::ptrdiff_t>(at), lower.end(), is_letter);
    const auto end = std::find_if_not(begin, lower.end(), is_letter);
    const std::string word(begin, end);
    at = static_cast<size_t>(end - lower.begin());
    if (std::find(kTraining.begin(), kTraining.end(), word) != kTraining.end())
      return Part::training;
    if (std::find(kHeldOut.begin(), kHeldOut.end(), word) != kHeldOut.end()) return Part::held_out;
  }
  return Part::none;
}

}  // namespace

void PassedOverList::add_no_image(std::string name) {
  const std::string ending = lower_case(std::filesystem::path(name).extension().string());
  const bool plain = ending.size() <= 8 && std::all_of(ending.begin(), ending.end(), [](char c) {
                       return c == '.' || is_letter(c) || (c >= '0' && c <= '9');
                     });
  if (!plain) return add(kOther, std::move(name));
  add(kNoImage + (ending.size() < 2 ? "no ending" : ending) + ")", std::move(name));
}

int64_t PassedOverList::count() const {
  size_t count = 0;
  for (const auto& [reason, names] : names_of_) count += names.size();
  return static_cast<int64_t>(count);
}

std::vector<PassedOver> PassedOverList::take() {
  std::vector<std::pair<size_t, std::string>> endings;
  for (const auto& [reason, names] : names_of_)
    if (reason.starts_with(kNoImage) && reason != kOther)
      endings.emplace_back(names.size(), reason);
  std::stable_sort(endings.begin(), endings.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = kMostEndings; i < endings.size(); ++i) {
    const auto rare = names_of_.extract(endings[i].second);
    auto& others = names_of_[kOther];
    std::move(rare.mapped().begin(), rare.mapped().end(), std::back_inserter(others));
  }
  std::vector<PassedOver> all;
  for (auto& [reason, names] : names_of_) {
    std::sort(names.begin(), names.end());
    names.shrink_to_fit();
    all.push_back({reason, std::move(names)});
  }
  names_of_.clear();
  return all;
}

std::vector<std::string> class_warnings(const std::vector<std::string>& class_names,
                                        const std::string& folder) {
  const auto first = [&](Part part) {
    return std::find_if(class_names.begin(), class_names.end(),
                        [&](const std::string& name) { return part_named(name) == part; });
  };
  const auto training = first(Part::training), held_out = first(Part::held_out);
  const auto end = class_names.end();
  const auto deeper = [&](const std::string& name) {
    return base::printable(folder.ends_with('/') ? folder + name : folder + "/" + name);
  };
  if (training != end && held_out != end)
    return {"found classes named " + base::printable(*training) + " and " +
            base::printable(*held_out) +
            ", as splits are, expected classes; is the path meant, or is it one level too high?" +
            (folder.empty()
                 ? ""
                 : " Each split has its own: " + deeper(*training) + ", " + deeper(*held_out))};
  if (class_names.size() != 1) return {};
  const std::string& name = class_names.front();
  if (!folder.empty() && (training != end || held_out != end))
    return {"found one class alone, named " + base::printable(name) +
            ", as a split is, expected at least two classes; if it holds the class folders, give " +
            deeper(name) + " as the path"};
  return {"found one class alone, " + base::printable(name) +
          ", expected at least two to tell apart; is the path meant?"};
}

}  // namespace swin::data
