#include "files/torch_sets.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/errors.h"
#include "base/text.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

using Kind = PickleValue::Kind;

// Keys that the official program, timm, PyTorch's tutorials, DeepSpeed and others use.
constexpr std::string_view kTrainedKeys[] = {
    "model", "state_dict", "model_state_dict", "model_state", "net", "network", "module", "params"};
// Keys that timm, the official programs and YOLO use.
constexpr std::string_view kAveragedKeys[] = {"state_dict_ema", "model_ema", "ema"};
// mmengine swaps the two sets when it saves: its state_dict is the average, this key is not.
constexpr std::string_view kSwappedKey = "ema_state_dict";
// The state of an optimizer holds tensors, but no weights.
constexpr std::string_view kOptimizer = "optim";
constexpr size_t kMaxDepth = 8;  // of the dicts that are searched; also ends rings
constexpr char kNotAStateDict[] =
    "save model.state_dict() alone with torch.save and give that file";

class Finder {
 public:
  Finder(const Pickle& pickle, const std::string& where, const WeightChoice& choice)
      : pickle_(pickle), where_(where), choice_(choice) {}

  StateDict find() {
    const PickleValue& root = pickle_.root();
    if (root.kind != Kind::dict)
      refuse(root.kind == Kind::tensor ? "found a single tensor, expected a dict of them"
                                       : "found no dict, expected a state dict",
             kNotAStateDict);
    read(path());
    read_class_names();
    return std::move(found_);
  }

 private:
  using Path = std::vector<std::string_view>;
  struct Set {
    Path path;
    size_t num_tensors;
  };

  [[noreturn]] void refuse(const std::string& found, const std::string& remedy) const {
    throw base::WeightError(where_, found, remedy);
  }

  /// Counted once for each dict: a hostile file may refer to a large one many times.
  size_t num_tensors(const PickleValue& value) {
    if (value.kind != Kind::dict) return 0;
    const auto [counted, is_new] = counts_.emplace(value.index, 0);
    if (!is_new) return counted->second;
    const auto& members = pickle_.items(value);
    for (size_t i = 1; i < members.size(); i += 2)
      counted->second += members[i].kind == Kind::tensor;
    return counted->second;
  }

  static std::string joined(const Path& path) {
    std::string text;
    for (const std::string_view key : path) text += (text.empty() ? "" : ".") + std::string(key);
    return text;
  }

  /// The keys that lead to the set that is to be read; none for the root itself.
  Path path() {
    if (!choice_.key.empty()) return chosen_path();
    if (const std::string_view key = usual_key(); !key.empty()) return {key};
    if (num_tensors(pickle_.root()) > 0) return {};
    const std::vector<Set> sets = all_sets();
    if (sets.size() == 1) return sets[0].path;
    if (sets.empty()) refuse("found a dict without tensors, expected a state dict", kNotAStateDict);
    refuse("found tensors under " + listed(sets) +
               ", expected a state dict, or one under \"model\" or \"state_dict\"",
           remedy(sets));
  }

  Path chosen_path() {
    Path path;
    const PickleValue* value = at(pickle_.root(), choice_.key, path);
    if (value != nullptr && num_tensors(*value) > 0) return path;
    const std::vector<Set> sets = all_sets();
    if (sets.empty() && num_tensors(pickle_.root()) > 0)
      refuse("found a state dict at the top level and none under \"" +
                 base::printable(choice_.key) + "\", expected no --key",
             "leave --key (init.key) out");
    if (sets.empty()) refuse("found a dict without tensors, expected a state dict", kNotAStateDict);
    refuse("found no tensors under \"" + base::printable(choice_.key) + "\", expected one of " +
               listed(sets),
           remedy(sets));
  }

  /// Follows a dotted path; keys may have dots, too. Leaves the keys in `path`.
  const PickleValue* at(const PickleValue& dict, std::string_view dotted, Path& path) const {
    path.push_back(dotted);
    if (const PickleValue* value = pickle_.find(dict, dotted)) return value;
    path.pop_back();
    if (path.size() == kMaxDepth) return nullptr;
    for (size_t dot = dotted.find('.'); dot != std::string_view::npos;
         dot = dotted.find('.', dot + 1)) {
      const PickleValue* member = pickle_.find(dict, dotted.substr(0, dot));
      if (member == nullptr || member->kind != Kind::dict) continue;
      path.push_back(dotted.substr(0, dot));
      if (const PickleValue* value = at(*member, dotted.substr(dot + 1), path)) return value;
      path.pop_back();
    }
    return nullptr;
  }

  std::string_view first_set(std::span<const std::string_view> keys) {
    for (const std::string_view key : keys)
      if (const PickleValue* dict = pickle_.find(pickle_.root(), key);
          dict != nullptr && num_tensors(*dict) > 0)
        return key;
    return {};
  }

  std::string_view usual_key() {
    const std::string_view trained = first_set(kTrainedKeys);
    const std::string_view averaged = first_set(kAveragedKeys);
    const std::string_view swapped = first_set({&kSwappedKey, 1});
    if (choice_.set == WeightSet::trained) {
      if (!trained.empty() || num_tensors(pickle_.root()) > 0) return trained;
      return averaged.empty() ? swapped : averaged;
    }
    if (!averaged.empty()) return averaged;
    if (!swapped.empty() && !trained.empty())
      refuse(
          "found ema_state_dict, which in files of mmengine holds the weights without average, "
          "expected state_dict_ema, model_ema or ema",
          "leave --ema out: the average is under state_dict");
    if (swapped.empty())
      refuse("found no averaged weights, expected them under state_dict_ema, model_ema or ema",
             "leave --ema out");
    return swapped;
  }

  /// Every dict of tensors below the root but those of an optimizer, the largest first.
  std::vector<Set> all_sets() {
    std::vector<Set> sets;
    std::unordered_set<uint32_t> seen{pickle_.root().index};
    Path path;
    search(pickle_.root(), path, seen, sets);
    std::stable_sort(sets.begin(), sets.end(),
                     [](const Set& a, const Set& b) { return a.num_tensors > b.num_tensors; });
    return sets;
  }

  void search(const PickleValue& dict, Path& path, std::unordered_set<uint32_t>& seen,
              std::vector<Set>& sets) {
    if (path.size() == kMaxDepth) return;
    const auto& members = pickle_.items(dict);
    for (size_t i = 0; i + 1 < members.size(); i += 2) {
      if (members[i].kind != Kind::text || members[i + 1].kind != Kind::dict) continue;
      const std::string_view key = pickle_.text(members[i]);
      if (!is_name(key) || key.starts_with(kOptimizer)) continue;
      if (!seen.insert(members[i + 1].index).second) continue;
      path.push_back(key);
      if (const size_t count = num_tensors(members[i + 1])) sets.push_back({path, count});
      search(members[i + 1], path, seen, sets);
      path.pop_back();
    }
  }

  static std::string listed(const std::vector<Set>& sets) {
    std::vector<std::string> names;
    for (const Set& set : sets)
      names.push_back("\"" + base::printable(joined(set.path)) + "\" (" +
                      std::to_string(set.num_tensors) + ")");
    return base::listing(names, 4);
  }
  static std::string remedy(const std::vector<Set>& sets) {
    return "choose one, as --key " + base::printable(joined(sets[0].path)) +
           " (init.key where a training starts from it)";
  }

  /// What lies beside the keys of the path is set aside; the tensors at its end are taken.
  void read(const Path& path) {
    found_.key = joined(path);
    const PickleValue* dict = &pickle_.root();
    std::string outer;
    for (const std::string_view key : path) {
      const auto& members = pickle_.items(*dict);
      for (size_t i = 0; i < members.size(); i += 2)
        if (members[i].kind != Kind::text || pickle_.text(members[i]) != key)
          set_aside(outer + name_of(members[i]), members[i + 1]);
      dict = pickle_.find(*dict, key);
      outer += std::string(key) + ".";
    }
    const auto& members = pickle_.items(*dict);
    std::unordered_set<std::string_view> names;
    for (size_t i = 0; i < members.size(); i += 2) {
      std::string name = name_of(members[i]);
      if (members[i + 1].kind != Kind::tensor || members[i].kind != Kind::text) {
        set_aside(std::move(name), members[i + 1]);
        continue;
      }
      if (!names.insert(pickle_.text(members[i])).second)
        refuse("found " + name + " twice, expected every name once",
               "the file is damaged; get it again");
      found_.tensors.emplace_back(std::move(name), &members[i + 1]);
    }
  }

  /// meta.CLASSES of mmcv's runner, meta.dataset_meta.classes of mmengine's.
  void read_class_names() {
    const PickleValue* meta = pickle_.find(pickle_.root(), "meta");
    if (meta == nullptr || meta->kind != Kind::dict) return;
    const PickleValue* data_set = pickle_.find(*meta, "dataset_meta");
    const bool is_dict = data_set != nullptr && data_set->kind == Kind::dict;
    const PickleValue& dict = is_dict ? *data_set : *meta;
    for (const char* key : {"CLASSES", "classes"}) {
      const PickleValue* list = pickle_.find(dict, key);
      if (list == nullptr || (list->kind != Kind::list && list->kind != Kind::tuple)) continue;
      for (const PickleValue& name : pickle_.items(*list)) {
        if (name.kind != Kind::text || !is_name(pickle_.text(name)))
          return found_.class_names.clear();
        found_.class_names.emplace_back(pickle_.text(name));
      }
      return;
    }
  }

  void set_aside(std::string name, const PickleValue& value) {
    if (num_tensors(value) == 0) return found_.ignored.push_back(std::move(name));
    const bool averaged = std::find(std::begin(kAveragedKeys), std::end(kAveragedKeys), name) !=
                          std::end(kAveragedKeys);
    found_.other_sets.push_back({std::move(name), averaged});
  }

  std::string name_of(const PickleValue& key) const {
    if (key.kind == Kind::integer) return std::to_string(key.integer);
    if (key.kind != Kind::text) return "(a key that is not text)";
    const std::string_view name = pickle_.text(key);
    if (!is_name(name))
      refuse("found the name " + base::printable(name) + ", expected " + kNameExpected,
             "the file is damaged; get it again");
    return std::string(name);
  }

  const Pickle& pickle_;
  const std::string& where_;
  const WeightChoice& choice_;
  std::unordered_map<uint32_t, size_t> counts_;
  StateDict found_;
};

}  // namespace

StateDict find_state_dict(const Pickle& pickle, const std::string& where,
                          const WeightChoice& choice) {
  return Finder(pickle, where, choice).find();
}

}  // namespace swin::files
