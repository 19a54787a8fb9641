#include "trainers/run/weight_config.h"

#include <algorithm>

#include "base/errors.h"
#include "base/size2.h"
#include "tasks/task_table.h"
#include "trainers/run/stored_model.h"
#include "weights/published_preprocess.h"

namespace swin::trainers {
namespace {

using base::Json;

const char* const kRemedy = "add --config CONFIG (its model and preprocess sections are enough)";

// ---- The preprocess section as JSON ------------------------------------------------------------

/// One value for each channel of the model, if the list has one for all or equal ones.
Json channels_of(std::vector<double> values, int64_t channels) {
  if (!values.empty() &&
      std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; }))
    values.resize(static_cast<size_t>(channels), values[0]);
  return Json::array_of(values);
}

/// What a source says, as fields of the section.
Json section_of(const weights::Preprocess& said, const layers::ModelConfig& model) {
  Json section = Json::object();
  if (said.crop_pct) section["crop_pct"] = *said.crop_pct;
  if (said.resize)
    section["resize"] = said.resize->short_side ? Json(*said.resize->short_side) : Json();
  if (said.resize && said.resize->long_side) section["long_side"] = *said.resize->long_side;
  if (!said.interpolation.empty()) section["interpolation"] = said.interpolation;
  if (!said.mean.empty()) section["mean"] = channels_of(said.mean, model.in_chans);
  if (!said.std.empty()) section["std"] = channels_of(said.std, model.in_chans);
  return section;
}

bool is_resize(const std::string& field) {
  return field == "resize" || field == "crop_pct" || field == "long_side";
}

bool says_resize(const Json& section) { return section.find("resize") || section.find("crop_pct"); }

/// Adds the fields that `document` does not have. Resize, crop_pct and long_side are one.
void complete(Json& document, const Json& section) {
  Json& target = document["preprocess"];
  if (target.is_null()) target = Json::object();
  const bool resizes = says_resize(target);
  for (const auto& [name, value] : section.members())
    if (is_resize(name) ? !resizes : !target.find(name)) target[name] = value;
}

/// Replaces fields of a stored document.
void replace(Json& document, const Json& section) {
  Json& target = document["preprocess"];
  if (target.is_null()) target = Json::object();
  if (says_resize(section))
    std::erase_if(target.members(), [](const Json::Member& m) { return is_resize(m.first); });
  for (const auto& [name, value] : section.members()) target[name] = value;
}

bool same_pixels(const PreprocessConfig& a, const PreprocessConfig& b) {
  return a.resize == b.resize && a.long_side == b.long_side && a.interpolation == b.interpolation &&
         a.mean == b.mean && a.std == b.std;
}

// ---- The task section of a segmenter or a detector ----------------------------------------------

constexpr const char* kSegmentation = "semantic_segmentation";
const char* const kNorms[] = {"batch", "group"};

/// What a weight file tells of the heads. A file without an auxiliary head is of a model without.
Json task_section(const weights::SegmenterHeads& heads) {
  Json head = Json::object();
  head["channels"] = heads.channels;
  head["pool_scales"] = Json::array_of(heads.pool_scales);
  head["norm"] = kNorms[heads.group_norm];
  if (heads.auxiliary_channels == 0) {
    head["auxiliary_weight"] = 0;
  } else {
    head["auxiliary_channels"] = heads.auxiliary_channels;
    if (heads.auxiliary_weight) head["auxiliary_weight"] = *heads.auxiliary_weight;
  }
  Json task = Json::object();
  task["name"] = kSegmentation;
  task["head"] = std::move(head);
  return task;
}

constexpr const char* kDetection = "detection";
const char* const kConventions[] = {"mmdet", "torchvision"};
constexpr int64_t kCascadeStages = 3;

Json task_section(const weights::DetectorHeads& heads) {
  Json task = Json::object();
  task["name"] = kDetection;
  task["convention"] = kConventions[heads.torchvision];
  task["mask"] = heads.mask_channels > 0;
  task["cascade"] = heads.cascade_stages > 0;
  task["neck"] = Json::object();
  task["neck"]["channels"] = heads.neck_channels;
  task["box_head"] = Json::object();
  task["box_head"]["channels"] = heads.box_channels;
  if (heads.mask_channels == 0) return task;
  task["mask_head"] = Json::object();
  task["mask_head"]["channels"] = heads.mask_channels;
  task["mask_head"]["convs"] = heads.mask_convolutions;
  return task;
}

// ------------------------------------------------------------------------------------------------

/// Parses a document whose faults are those of a weight file.
Config parse_stored(const Json& document, const std::string& where, const std::string& found,
                    const std::string& remedy) {
  try {
    return parse_config_without_data(document);
  } catch (const base::UsageError& error) {
    throw base::WeightError(where, found + error.what(), remedy);
  }
}

Json parse_text(const std::string& text, const std::string& where) {
  try {
    return base::parse_json(text, where);
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(where, error.what, kRemedy);
  }
}

class Reader {
 public:
  Reader(const weights::WeightFile& file, const Json* given) : file_(file), given_(given) {}

  WeightConfig read() {
    model();
    preprocess();
    layers::ModelConfig& config = result_.config.model;
    if (config.num_classes == 0) config.num_classes = file_.num_classes();
    return std::move(result_);
  }

 private:
  void model() {
    if (given_) {
      result_.origin = "--config";
      document_ = *given_;
      result_.config = parse_config_without_data(document_);
    } else if (file_.config_json) {
      result_.origin = "stored";
      result_.config = stored_config_of(file_);
      document_ = parse_text(*file_.config_json, file_.config_where);
    } else {
      result_.origin = "inferred";
      weights::InferredConfig inferred = weights::infer_model_config(file_);
      result_.assumptions = std::move(inferred.assumptions);
      document_ = to_json(inferred.config);
      if (inferred.heads) document_["task"] = task_section(*inferred.heads);
      if (inferred.detector) document_["task"] = task_section(*inferred.detector);
      result_.config = parse_stored(document_, file_.where, "found shapes that fit no model: ",
                                    "add --config CONFIG (its model section is enough)");
    }
  }

  /// The section stored with the weights; null if there is none.
  Json stored_section() const {
    if (file_.config_json) {
      const Json stored = parse_text(*file_.config_json, file_.config_where);
      const Json* section = stored.find("preprocess");
      return section && section->is_object() ? *section : Json();
    }
    if (!file_.preprocess_json) return {};
    const std::string where = file_.where + ": swin.preprocess";
    Json section = parse_text(*file_.preprocess_json, where);
    if (!section.is_object())
      throw base::WeightError(
          where, std::string("found ") + section.type_name() + ", expected an object", kRemedy);
    return section;
  }

  // Whether the document leaves nothing open that changes pixels.
  bool is_complete() const {
    const Json* said = document_.find("preprocess");
    return said && says_resize(*said) && said->find("interpolation") && said->find("mean") &&
           said->find("std");
  }

  void preprocess() {
    if (file_.hub.refusal && !(given_ && is_complete())) throw *file_.hub.refusal;
    const bool stored = result_.origin == "stored";
    if (file_.hub.preprocess) {
      const weights::Preprocess& said = *file_.hub.preprocess;
      const Json* section = document_.find("preprocess");
      if (stored || !section || !says_resize(*section)) require_size(said);
      const Config before = result_.config;
      add(section_of(said, before.model), said.where);
      result_.notes = said.notes;
      if (stored && same_pixels(before.preprocess, result_.config.preprocess))
        result_.config = before;  // also keeps the words in which it is stored
      else if (stored)
        result_.notes.push_back("the pre-processing is that of " + said.where + ", " +
                                file_.config_where + " differs");
    }
    if (stored) return;
    if (Json section = stored_section(); section.is_object()) {
      if (given_ && file_.config_json && says_resize(section) &&
          stored_config_of(file_).model.image_size != result_.config.model.image_size)
        std::erase_if(section.members(), [](const Json::Member& m) { return m.first == "resize"; });
      if (const Json* pct = section.find("crop_pct"); pct && pct->is_null() && given_)
        std::erase_if(section.members(),
                      [](const Json::Member& m) { return m.first == "crop_pct"; });
      add(section, file_.where);
    } else if (!file_.hub.preprocess) {
      assume();
    }
  }

  void require_size(const weights::Preprocess& said) const {
    const base::Size2& size = result_.config.model.image_size;
    if (said.input_size && *said.input_size != size)
      throw base::WeightError(said.where,
                              "found images of " + base::size_text(*said.input_size) +
                                  ", expected those of the model, " + base::size_text(size),
                              "say which with --config CONFIG (model.image_size and "
                              "preprocess.resize)");
  }

  void add(const Json& section, const std::string& where) {
    result_.origin == "stored" ? replace(document_, section) : complete(document_, section);
    result_.config = parse_stored(document_, where, "found no valid pre-processing: ", kRemedy);
  }

  void assume() {
    if (is_complete()) return;
    const auto published =
        file_.kind == weights::WeightKind::segmenter
            ? std::optional(weights::published_segmenter_preprocess(file_.dialect))
        : file_.kind == weights::WeightKind::detector
            ? std::optional(weights::published_detector_preprocess(file_.dialect))
            : weights::published_preprocess(file_.dialect, result_.config.model);
    if (published) add(section_of(*published, result_.config.model), file_.where);
    result_.assumptions.push_back(
        "preprocess: " + preprocess_text(result_.config) + " (" +
        (published ? "as " + published->where + " was published" : "the default") +
        "): these files do not tell it");
  }

  const weights::WeightFile& file_;
  const Json* given_;
  Json document_;
  WeightConfig result_;
};

}  // namespace

WeightConfig config_of(const weights::WeightFile& file, const Json* given) {
  return Reader(file, given).read();
}

weights::Preprocess published_form(const Config& config) {
  weights::Preprocess form;
  form.input_size = config.model.image_size;
  form.resize = weights::Preprocess::Resize{config.preprocess.resize, config.preprocess.long_side};
  form.crop_pct = config.preprocess.crop_pct;
  form.interpolation = config.preprocess.interpolation;
  form.mean = config.preprocess.mean;
  form.std = config.preprocess.std;
  return form;
}

std::optional<weights::SegmenterHeads> heads_of(const Config& config) {
  if (config.task.name != kSegmentation) return std::nullopt;
  const base::RowValues own(tasks::task_row(kSegmentation), config.task.own);
  weights::SegmenterHeads heads;
  heads.channels = own.integer("head.channels");
  heads.pool_scales = own.integers("head.pool_scales");
  const tasks::TaskRow& row = tasks::task_row(kSegmentation);
  heads.group_norm =
      row.find("head.norm")->choices[static_cast<size_t>(own.integer("head.norm"))] ==
      std::string(kNorms[1]);
  heads.auxiliary_weight = own.number("head.auxiliary_weight");
  if (*heads.auxiliary_weight > 0)
    heads.auxiliary_channels = own.integer("head.auxiliary_channels");
  return heads;
}

std::optional<weights::DetectorHeads> detector_of(const Config& config) {
  if (config.task.name != kDetection) return std::nullopt;
  const tasks::TaskRow& row = tasks::task_row(kDetection);
  const base::RowValues own(row, config.task.own);
  weights::DetectorHeads heads;
  heads.torchvision =
      row.find("convention")->choices[static_cast<size_t>(own.integer("convention"))] ==
      std::string(kConventions[1]);
  heads.cascade_stages = own.boolean("cascade") ? kCascadeStages : 0;
  heads.neck_channels = own.integer("neck.channels");
  heads.anchors = std::ssize(own.numbers("anchors.sizes")) / (std::ssize(config.model.depths) + 1) *
                  std::ssize(own.numbers("anchors.ratios"));
  heads.box_channels = own.integer("box_head.channels");
  if (!own.boolean("mask")) return heads;
  heads.mask_channels = own.integer("mask_head.channels");
  heads.mask_convolutions = own.integer("mask_head.convs");
  return heads;
}

std::string preprocess_text(const Config& config) {
  const PreprocessConfig& preprocess = config.preprocess;
  const std::string size = base::size_text(config.model.image_size);
  const auto listed = [](const std::vector<double>& values) {
    std::string text;
    for (const double value : values) text += " " + base::to_text(Json(value));
    return text;
  };
  std::string resize = "straight to " + size;
  if (preprocess.long_side)
    resize = "short side " + std::to_string(preprocess.resize.value_or(*preprocess.long_side)) +
             ", long side at most " + std::to_string(*preprocess.long_side);
  else if (preprocess.resize)
    resize = "resize " + std::to_string(*preprocess.resize) + ", center " + size;
  return resize + ", " + preprocess.interpolation + ", mean" + listed(preprocess.mean) + ", std" +
         listed(preprocess.std);
}

}  // namespace swin::trainers
