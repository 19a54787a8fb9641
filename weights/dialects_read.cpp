// Weight files in official names: the place of the model among the keys, then its names.
#include <algorithm>

#include "base/errors.h"
#include "base/text.h"
#include "files/weight_file.h"
#include "weights/descriptions.h"
#include "weights/detector_names.h"
#include "weights/dialects_place.h"
#include "weights/dialects_reader.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

constexpr size_t kMostPlaces = 32;  // each is looked at as a whole
constexpr size_t kShownPlaces = 4;

/// Finds the model among the arrays of a file and reads it.
class Chooser {
 public:
  Chooser(std::vector<NamedArray> arrays, const std::string& where, const ReadOptions& options)
      : where_(where), options_(options) {
    for (NamedArray& array : arrays) {
      std::string key = array.name;
      const bool skip = std::any_of(options.allow.begin(), options.allow.end(),
                                    [&](const std::string& p) { return glob(p, key); });
      if (skip)
        skipped_.push_back({key, "allowed by name"});
      else if (key == "steps" || key == "n_averaged" || key.ends_with(".n_averaged"))
        skipped_.push_back({key, "a count of steps"});  // of PyTorch's and mmengine's averages
      else
        items_.push_back({key, unwrapped(key), std::move(array)});
    }
    std::vector<std::string> keys;
    for (const Item& item : items_) keys.push_back(item.name);
    places_ = places_in(keys);
  }

  WeightFile read() {
    const Place place = choose();
    WeightFile file = reader(place, &skipped_).read();
    file.prefix = place.full();
    file.skipped.insert(file.skipped.begin(), skipped_.begin(), skipped_.end());
    return file;
  }

 private:
  Place choose() const {
    if (options_.prefix) return chosen();
    if (places_.empty()) return {};
    if (places_.size() == 1) return places_[0];
    if (places_.size() > kMostPlaces)
      refuse("found the start of a model under " + std::to_string(places_.size()) + " prefixes, " +
                 listed(places_) + ", expected one",
             places_[0]);
    std::vector<Survey> surveys;
    std::vector<Place> complete;
    for (const Place& place : places_) {
      surveys.push_back(reader(place, nullptr).survey());
      if (surveys.back().complete()) complete.push_back(place);
    }
    if (complete.size() == 1) return complete[0];
    if (complete.size() > 1)
      refuse("found complete models under " + listed(complete) + ", expected one", complete[0]);
    const auto faults = [](const Survey& survey) {
      return survey.dialect ? static_cast<int64_t>(survey.missing.size()) + survey.num_unexpected
                            : INT64_MAX;
    };
    const auto nearest =
        std::min_element(surveys.begin(), surveys.end(),
                         [&](const Survey& a, const Survey& b) { return faults(a) < faults(b); });
    const Place& place = places_[static_cast<size_t>(nearest - surveys.begin())];
    if (nearest->missing.empty()) return place;  // its reader says which keys are unexpected
    std::vector<std::string> keys;
    for (const WeightFile::Missing& missing : nearest->missing) keys.push_back(missing.key);
    throw base::WeightError(where_,
                            "found no complete model under " + listed(places_) +
                                ": the nearest, \"" + label(place) + "\", lacks " +
                                base::listing(keys) + ", expected all keys of a " + nearest->model,
                            "save the state dict of the whole model");
  }

  Place chosen() const {
    if (const std::optional<Place> place = place_of(places_, *options_.prefix)) return *place;
    if (places_.empty()) {
      std::vector<std::string> keys;
      for (const Item& item : items_) keys.push_back(item.key);
      throw base::WeightError(where_,
                              "found no model under the prefix \"" +
                                  base::printable(*options_.prefix) + "\", nor elsewhere among " +
                                  base::listing(keys) + ", expected the keys of a model",
                              "give a file of Swin, Swin V2, Swin-MLP or ViT weights");
    }
    refuse("found no model under the prefix \"" + base::printable(*options_.prefix) +
               "\", expected one of " + listed(places_),
           places_[0]);
  }

  [[noreturn]] void refuse(const std::string& found, const Place& example) const {
    throw base::WeightError(where_, found,
                            "choose one, as --prefix " + base::printable(label(example)) +
                                " (init.prefix where a training starts from it)");
  }

  /// What --prefix takes for a place.
  std::string label(const Place& place) const {
    const bool alone = std::count_if(places_.begin(), places_.end(), [&](const Place& other) {
                         return other.prefix == place.prefix;
                       }) <= 1;
    return alone ? place.shown() : place.full();
  }
  std::string listed(const std::vector<Place>& places) const {
    std::vector<std::string> names;
    for (const Place& place : places) names.push_back("\"" + base::printable(label(place)) + "\"");
    return base::listing(names, kShownPlaces);
  }

  /// A reader of the arrays at a place.   @param beside gets the others; may be null.
  DialectReader reader(const Place& place, std::vector<WeightFile::Skipped>* beside) const {
    const std::string full = place.full();
    const std::string reason =
        full == "backbone."
            ? kNotOfBackbone
            : "beside the model " + (full.empty() ? "at the top level" : "under \"" + full + "\"");
    std::vector<Item> items;
    const auto others = other_models_at(place, places_);
    for (const Item& item : items_) {
      const std::optional<std::string> name = name_at(place, others, item.name);
      if (name)
        items.push_back({item.key, *name, item.array, !item.name.starts_with(full)});
      else if (beside)
        beside->push_back({item.key, reason});
    }
    return {std::move(items), place.prefix, full, where_, options_};
  }

  const std::string& where_;
  const ReadOptions& options_;
  std::vector<Item> items_;  // by their unwrapped keys
  std::vector<Place> places_;
  std::vector<WeightFile::Skipped> skipped_;
};

}  // namespace

WeightFile to_official(std::vector<NamedArray> arrays, const std::string& where,
                       const ReadOptions& options) {
  return Chooser(std::move(arrays), where, options).read();
}

WeightFile read_weight_file(const std::filesystem::path& path, const ReadOptions& options) {
  files::RawWeights raw = files::read_raw_weights(path, options.from);
  WeightFile file;
  if (raw.format == "checkpoint") {  // written by this program, in official names
    if (options.prefix)
      throw base::WeightError(path.string(), "found a checkpoint of swin, expected no --prefix",
                              "leave --prefix (init.prefix) out");
    file.where = path.string();
    std::vector<std::string_view> keys;
    for (const NamedArray& array : raw.arrays) {
      file.loaded.push_back({array.name, {array.name}});
      keys.push_back(array.name);
    }
    file.model = model_of(keys);
    // A checkpoint of pretraining counts as a model here: what reads it knows its task.
    if (std::any_of(keys.begin(), keys.end(), is_upernet)) file.kind = WeightKind::segmenter;
    if (std::any_of(keys.begin(), keys.end(), is_box_head)) file.kind = WeightKind::detector;
    file.arrays = std::move(raw.arrays);
  } else {
    file = to_official(std::move(raw.arrays), path.string(), options);
  }
  file.format = raw.format;
  add_descriptions(file, raw);
  for (std::string& key : raw.ignored) file.skipped.push_back({std::move(key), "no weights"});
  for (files::TorchFile::OtherSet& other : raw.other_sets)
    file.skipped.push_back(
        {std::move(other.key), other.averaged ? "averaged weights, swin convert --ema takes "
                                                "them"
                                              : "another dict of tensors"});
  if (!raw.key.empty()) file.notes.push_back("the weights are under \"" + raw.key + "\"");
  return file;
}

}  // namespace swin::weights
