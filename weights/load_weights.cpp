#include "weights/load_weights.h"

#include <algorithm>
#include <type_traits>
#include <unordered_map>

#include "base/errors.h"
#include "base/pool.h"
#include "layers/backbone.h"
#include "layers/dense/mask_rcnn.h"
#include "layers/dense/upernet.h"
#include "layers/model.h"
#include "layers/simmim.h"
#include "weights/detector_names.h"
#include "weights/dialects_derived.h"
#include "weights/mismatches.h"
#include "weights/saved_windows.h"

namespace swin::weights {

using layers::Backbone;
using layers::BackboneOptions;
using layers::MaskedImageModel;
using layers::MaskRcnn;
using layers::MaskRcnnOptions;
using layers::Model;
using layers::ModelConfig;
using layers::ParameterEntry;
using layers::Parameters;
using layers::Scope;
using layers::Slab;
using layers::UperNet;
using layers::UperNetOptions;

using files::NamedArray;

namespace {

const char* const kRemedy = "load it with the config it was trained with";

bool is_float(files::DType dtype) {
  return dtype == files::DType::f32 || dtype == files::DType::bf16 || dtype == files::DType::f16;
}

/// Where the values of an entry go; data is null in a dry run.
struct Place {
  const ParameterEntry* entry;
  real* data;
};

std::vector<Place> places_in(const Slab& layout, real* slab) {
  std::vector<Place> places;
  for (size_t i = 0; i < layout.size(); ++i)
    places.push_back({&layout[i], slab ? slab + layout[i].offset : nullptr});
  return places;
}

std::vector<Place> places_in(Parameters& parameters) {
  std::vector<Place> places = places_in(parameters, parameters.write(0, parameters.slab_numel()));
  Slab& buffers = parameters.buffers();
  for (const Place& place : places_in(buffers, buffers.write(0, buffers.slab_numel())))
    places.push_back(place);
  return places;
}

/// Calls read(std::span<float>), which need not know whether real is float.
template <class Read>
void read_as_float(std::span<real> values, const Read& read) {
  if constexpr (std::is_same_v<real, float>) {
    read(values);
  } else {
    std::vector<float> floats(values.size());
    read(std::span<float>(floats));
    std::copy(floats.begin(), floats.end(), values.begin());
  }
}

/// The one way of arrays into slabs.
/// @param read read(array, std::span<float>) copies an array's values; its bytes are not looked at.
template <class Read>
void load(const std::vector<Place>& places, std::span<const NamedArray> arrays,
          const std::string& where, const Read& read) {
  std::unordered_map<std::string_view, const NamedArray*> by_name;
  for (const NamedArray& array : arrays)
    if (!by_name.emplace(array.name, &array).second)
      throw base::WeightError(where, "found " + array.name + " twice, expected every name once");

  Mismatches mismatches;
  std::unordered_map<std::string_view, const NamedArray*> left_over = by_name;
  for (const auto& [entry, data] : places) {
    left_over.erase(entry->name);
    const auto found = by_name.find(entry->name);
    if (found == by_name.end()) {
      mismatches.add("found no " + entry->name + ", expected it with shape " + entry->shape.text());
      continue;
    }
    const NamedArray& array = *found->second;
    if (array.shape != entry->shape.dims())
      mismatches.add("found " + entry->name + " with shape " + files::to_text(array.shape) +
                     ", expected " + entry->shape.text());
    else if (!is_float(array.dtype))
      mismatches.add("found " + entry->name + " of type " + files::name_of(array.dtype) +
                     ", expected f32, bf16 or f16 (model.float() before saving)");
  }
  for (const NamedArray& array : arrays)
    if (left_over.contains(array.name) && !is_derived_table(array.name))
      mismatches.add("found " + array.name + ", expected no parameter of that name");
  if (!mismatches.none()) mismatches.raise(where, kRemedy);

  for (const auto& [entry, data] : places)
    if (data)
      read_as_float({data, static_cast<size_t>(entry->numel())},
                    [&](std::span<float> values) { read(*by_name.at(entry->name), values); });
}

void load(const std::vector<Place>& places, const files::CheckpointFile& file,
          const std::string& group, const std::function<bool(const std::string&)>& unused = {}) {
  const std::string prefix = group + "/";
  std::vector<NamedArray> arrays;
  for (const files::CheckpointFile::Entry& entry : file.entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    const std::string name = entry.name.substr(prefix.size());
    if (!unused || !unused(name)) arrays.push_back({name, entry.dtype, entry.shape, {}, nullptr});
  }
  load(places, arrays, file.path().string() + ": " + group,
       [&](const NamedArray& array, std::span<float> values) {
         file.read_float32(prefix + array.name, values);
       });
}

}  // namespace

std::vector<files::NamedArray> read_weights(const std::filesystem::path& file) {
  return read_weight_file(file).arrays;
}

void read_values(const NamedArray& array, const std::string& where, std::span<real> values) {
  read_as_float(values,
                [&](std::span<float> floats) { files::read_float32(array, where, floats); });
}

void load_weights(Parameters& parameters, std::span<const NamedArray> arrays,
                  const std::string& where) {
  load(places_in(parameters), arrays, where, [&](const NamedArray& array, std::span<float> values) {
    files::read_float32(array, where, values);
  });
}

void load_weights(Parameters& parameters, const std::filesystem::path& file) {
  load_weights(parameters, read_weights(file), file.string());
}

void load_weights(Parameters& parameters, const files::CheckpointFile& file,
                  const std::function<bool(const std::string& name)>& unused) {
  load(places_in(parameters), file, "model", unused);
}

void load_slab(const Parameters& layout, real* slab, const files::CheckpointFile& file,
               const std::string& group) {
  load(places_in(layout, slab), file, group);
}

namespace {

/// The heads that the names and shapes of a segmenter tell. Of the pooled maps the number matters,
/// not their sizes.
UperNetOptions heads_in(const WeightFile& file) {
  const auto channels = [&](const char* name) {
    const NamedArray* convolution = file.find(name);
    return convolution && convolution->shape.size() == 4 ? convolution->shape[0] : 0;
  };
  UperNetOptions options;
  options.channels = std::max<int64_t>(1, channels("decode_head.bottleneck.conv.weight"));
  options.pool_scales.clear();
  for (int64_t i = 0; file.find("decode_head.psp_modules." + std::to_string(i) + ".1.conv.weight");
       ++i)
    options.pool_scales.push_back(i + 1);
  if (file.find("decode_head.bottleneck.gn.weight")) options.norm = layers::Norm::group;
  options.auxiliary_channels = channels("auxiliary_head.convs.0.conv.weight");
  return options;
}

/// The options of a detector that its shapes tell. Where an array is missing or of another rank,
/// the options are those of another model, and load_weights says what does not fit.
MaskRcnnOptions detector_in(const WeightFile& file) {
  const auto size = [&](const std::string& name, size_t axis) {
    const NamedArray* array = file.find(name);
    return array && axis < array->shape.size() ? std::max<int64_t>(1, array->shape[axis]) : 1;
  };
  MaskRcnnOptions options;
  options.cascade = file.find(detector_classes(true));
  const std::string number = options.cascade ? "0." : "";
  const std::string mask = std::string(kMaskHead) + number,
                    box = "roi_head.bbox_head." + number + "shared_fcs.0.weight";
  options.channels = size("neck.lateral_convs.0.conv.weight", 0);
  options.anchors = size("rpn_head.rpn_cls.weight", 0);
  options.box_channels = size(box, 0);
  options.box_align.size = square_side(size(box, 1) / options.channels).value_or(7);
  options.mask = file.find(mask + "conv_logits.weight") || file.find(mask + "upsample.weight");
  options.mask_channels = size(mask + "upsample.weight", 1);
  for (options.mask_convs = 0;
       file.find(mask + "convs." + std::to_string(options.mask_convs) + ".conv.weight");)
    ++options.mask_convs;
  return options;
}

void require_parameters(const WeightFile& file, ModelConfig config) {
  const NamedArray* head = file.find("head.weight");
  if (config.num_classes == 0) config.num_classes = file.num_classes();
  const base::DryRun dry;
  if (file.kind == WeightKind::model) {
    std::vector<NamedArray> arrays = file.arrays;
    // For a file without a head, stand-ins for the head and the last norm.
    const int64_t dim = config.dim_of(config.num_stages() - 1);
    const std::vector<float> zeros(static_cast<size_t>(dim));
    const auto stand_in = [&](const char* name, std::vector<int64_t> shape) {
      if (!file.find(name))
        arrays.push_back(
            NamedArray::of(name, shape, std::span(zeros).first(static_cast<size_t>(shape.back()))));
    };
    if (!head) {
      config.num_classes = 1;
      stand_in("head.weight", {1, dim});
      stand_in("head.bias", {1});
      const bool mean_pooled = config.name == "vit" && config.global_pool == "avg";
      stand_in(mean_pooled ? "fc_norm.weight" : "norm.weight", {dim});
      stand_in(mean_pooled ? "fc_norm.bias" : "norm.bias", {dim});
    }
    Model model(config, 0, false);
    load_weights(model.parameters(), arrays, file.where);
    return;
  }
  Parameters parameters;
  const Scope scope(parameters);
  if (file.kind == WeightKind::simmim) {
    const MaskedImageModel model(scope, config);
  } else if (file.kind == WeightKind::segmenter) {
    const UperNet model(scope, config, heads_in(file));
  } else if (file.kind == WeightKind::detector) {
    const MaskRcnn model(scope, config, detector_in(file));
  } else {
    BackboneOptions options;
    options.out_stages.clear();
    for (int64_t i = 0; i < config.num_stages(); ++i)
      if (file.find("norm" + std::to_string(i) + ".weight")) options.out_stages.push_back(i);
    if (options.out_stages.empty())
      throw base::WeightError(file.where,
                              "found no norm0.weight … norm" +
                                  std::to_string(config.num_stages() - 1) +
                                  ".weight, expected one for each output stage of a backbone",
                              kRemedy);
    const Backbone model(scope, config, options);
  }
  load_weights(parameters, file.arrays, file.where);
}

}  // namespace

void require_fit(const WeightFile& file, const ModelConfig& config) {
  require_complete(file);
  require_parameters(file, config);
  ModelConfig in_use = config;
  if (file.kind == WeightKind::segmenter || file.kind == WeightKind::detector)
    in_use.window_shrink = layers::WindowShrink::always_shift;
  require_windows(file, in_use);
}

}  // namespace swin::weights
