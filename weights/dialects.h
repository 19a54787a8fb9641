// Dialects: each library has its own names for the weights of the same model. Here they are
// converted to the official names and back. The tables of names are in weights/dialects_tables.cpp.
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/named_array.h"
#include "files/torch_file.h"
#include "layers/model_config.h"
#include "weights/hub_config.h"

namespace swin::weights {

using files::NamedArray;
using layers::ModelConfig;

/// The library whose names a file uses. `official` is microsoft/Swin-Transformer, and timm's names
/// for ViT; `mm` is mmdetection, mmsegmentation and mmpretrain since their own Swin (2021).
enum class Dialect { official, timm, torchvision, huggingface, mm };

const char* name_of(Dialect dialect);
/// Empty if no dialect has that name.
std::optional<Dialect> dialect_named(std::string_view name);
/// The dialects that to_dialect can write: all of them.
std::vector<std::string> writable_dialects();

/// Whether a name is that of a derived table: relative_position_index, attn_mask or
/// relative_coords_table. Other libraries save them with the parameters, but they depend only on
/// the sizes of the model.
bool is_derived_table(std::string_view name);

/// The kind of model that the arrays of a file belong to.
enum class WeightKind {
  model,     ///< a classifier, with or without its head
  simmim,    ///< encoder.… and decoder.0.…: SimMIM's pretraining
  backbone,  ///< norm0 … norm3 for its output stages, as detection and segmentation use it
  segmenter,  ///< a backbone.… with UPerNet's decode_head.…, with or without an auxiliary_head.…
  detector,  ///< a backbone.… with a neck.…, rpn_head.… and roi_head.…: Mask or Faster R-CNN
};
const char* name_of(WeightKind kind);

/// A weight file in official names. Every key of the file is listed, either as loaded or as
/// skipped.
struct WeightFile {
  struct Loaded {
    std::string name;               ///< official
    std::vector<std::string> keys;  ///< in the file; several if it stores the array in parts
  };
  struct Skipped {
    std::string key, reason;
  };
  struct Missing {
    std::string name;  ///< official
    std::string key;   ///< what the file would call it
  };
  std::string where;  ///< the file, for errors
  /// As in files::RawWeights: "safetensors", "pth (zip)", "checkpoint", …
  std::string format;
  Dialect dialect = Dialect::official;
  std::string model = "swin";  ///< ModelConfig::name
  WeightKind kind = WeightKind::model;
  std::vector<NamedArray> arrays;   ///< views of the file where it stores them whole
  std::vector<NamedArray> derived;  ///< the skipped derived tables; their shapes tell sizes
  std::vector<Loaded> loaded;       ///< one for each element of `arrays`, same order
  std::vector<Skipped> skipped;
  std::vector<Missing> missing;    ///< that the names of the others ask for, as far as they tell
  std::string prefix;              ///< of the model's keys: "model."; empty: the top level
  std::vector<std::string> notes;  ///< other changes, one sentence each
  std::optional<std::string> config_json;  ///< the config stored with the weights
  std::string config_where;                ///< its place, for errors
  /// The `preprocess` section stored with the weights, of use where there is no config_json.
  std::optional<std::string> preprocess_json;
  std::vector<std::string> class_names;  ///< in the order of the head; empty if the file has none
  HubConfig hub;  ///< from config.json and preprocessor_config.json in the same folder

  const NamedArray* find(std::string_view name) const;  ///< null if absent
  /// The weight whose rows are the classes: of a classifier's head, a segmenter's conv_seg, or a
  /// detector's fc_cls, whose last row is the background's. Null if there is none.
  const NamedArray* class_rows() const;
  /// Those of class_rows; 0 if there are none.
  int64_t num_classes() const;
};

/// How a weight file is read.
struct ReadOptions {
  std::vector<std::string> allow = {};  ///< patterns, `*` for any characters, of keys to skip
  files::WeightChoice from = {};        ///< which weights of a file that holds several sets
  /// Of the model's keys, with or without the last dot; "" or "." is the top level. Empty: the only
  /// one that has all keys of a model.
  std::optional<std::string> prefix = {};
  bool any_head = false;  ///< a head of other layers than a linear one is skipped, not refused
};

/// Recognizes the model and its dialect by the keys alone and gives every array its official name.
/// The model may lie under any prefix (module., model., net.backbone.) beside other arrays, which
/// are skipped; of several, the only one that is complete is read. A head may be beside its
/// backbone, or the one linear layer of a Sequential. SimMIM's encoder.… prefix stays. Hugging
/// Face's query, key and value are joined, torchvision's qkv.bias of Swin V2 is split into q_bias
/// and v_bias, and mm's patch merging is put into the official channel order. No value changes, not
/// even by one bit, but float64 is rounded to float32, which a note says.
/// @param where the file, for errors.
/// @throws base::WeightError if the dialect is unknown, several models or none are complete, a key
///     is unexpected (the error names the nearest expected one), a part of an array is missing, the
///     head has several layers, or a value is beyond float32.
WeightFile to_official(std::vector<NamedArray> arrays, const std::string& where,
                       const ReadOptions& options = {});

/// files::read_raw_weights, then to_official. A checkpoint's arrays already have official names.
WeightFile read_weight_file(const std::filesystem::path& path, const ReadOptions& options = {});

/// @throws base::WeightError that lists file.missing, if there are any.
void require_complete(const WeightFile& file);

/// Everything that load_state_dict(strict=True) of that library needs, including derived tables.
/// The result views `arrays` where the bytes are the same.
/// @param arrays in official names.
/// @param config of the model; its name, image_size and windows determine the derived tables.
/// Backbones and segmenters have, under `official`, the names of the first generation of
/// detectors and segmenters (github.com/SwinTransformer), and under `mm` those of the second.
/// @throws base::UsageError if that library has no such model: mm has backbones and segmenters
///     alone, a name may be missing there, and some libraries need the same window in every stage.
std::vector<NamedArray> to_dialect(std::span<const NamedArray> arrays, Dialect dialect,
                                   const ModelConfig& config);

/// The arrays of SimMIM's encoder under the names of the model that it pretrains: encoder.x becomes
/// x, mask token and decoder are left out. Arrays of other models are returned unchanged.
std::vector<NamedArray> encoder_of(std::span<const NamedArray> arrays);

/// The heads of a segmenter, as their shapes and the files beside them tell them.
struct SegmenterHeads {
  int64_t channels = 0;                    ///< of UPerNet's maps
  std::vector<int64_t> pool_scales;        ///< sides of its pooled maps
  bool group_norm = false;                 ///< else batch norm
  int64_t auxiliary_channels = 0;          ///< 0: no auxiliary head
  std::optional<double> auxiliary_weight;  ///< of its loss, if config.json says it
};

/// The layers of a detector after its backbone, as their shapes tell them.
struct DetectorHeads {
  int64_t neck_channels = 0;      ///< of the feature pyramid
  int64_t anchors = 0;            ///< at each location
  int64_t box_channels = 0;       ///< of the box head's linear layers
  int64_t mask_channels = 0;      ///< 0: no mask head
  int64_t mask_convolutions = 0;  ///< 3 × 3, before the upsampling
  int64_t cascade_stages = 0;     ///< 0: one box head
  bool torchvision = false;       ///< computes as torchvision does, else as mmdetection
};

/// The model that the shapes describe, and what had to be assumed.
struct InferredConfig {
  ModelConfig config;
  std::optional<SegmenterHeads> heads;    ///< of a segmenter
  std::optional<DetectorHeads> detector;  ///< of a detector
  std::vector<std::string> assumptions;   ///< "window_size 8: weights of Swin V2 do not tell it"
};

/// The `model` section of a weight file that has none, and what its `task` section says of heads.
/// @throws base::WeightError if the shapes fit no supported model.
InferredConfig infer_model_config(const WeightFile& file);

}  // namespace swin::weights
