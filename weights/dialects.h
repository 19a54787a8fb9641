// The names that published programs give to the weights of one model, and how they are turned into
// ours. The tables are in weights/dialects_tables.cpp.
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

using layers::ModelConfig;

/// Whose names a file uses. `official` is microsoft/Swin-Transformer, and for ViT timm's names; mm
/// is mmdetection, mmsegmentation and mmpretrain.
enum class Dialect { official, timm, torchvision, huggingface, mm };

const char* name_of(Dialect dialect);
/// Empty where there is none of that name.
std::optional<Dialect> dialect_named(std::string_view name);
/// The dialects to_dialect writes: official, timm, torchvision, huggingface.
std::vector<std::string> writable_dialects();

/// Whether a name is of a table that files of other programs hold beside the parameters and that
/// the model derives from its sizes: relative_position_index, attn_mask, relative_coords_table.
bool is_derived_table(std::string_view name);

/// What the arrays of a file are together.
enum class WeightKind {
  model,     ///< a classifier, or one without its head
  simmim,    ///< encoder.… and decoder.0.…, as SimMIM pretrains
  backbone,  ///< with norm0 … norm3 for the stages it gives out, as detection and segmentation use
};
const char* name_of(WeightKind kind);

/// A weight file in official names, with an account of every key that is in it.
struct WeightFile {
  struct Loaded {
    std::string name;               ///< official
    std::vector<std::string> keys;  ///< of the file; several where it stores the parts apart
  };
  struct Skipped {
    std::string key, reason;
  };
  std::string where;  ///< the file, for errors
  /// As files::RawWeights: "safetensors", "pth (zip)", "checkpoint", …
  std::string format;
  Dialect dialect = Dialect::official;
  std::string model = "swin";  ///< ModelConfig::name
  WeightKind kind = WeightKind::model;
  std::vector<files::NamedArray> arrays;   ///< views of the file wherever it stores them whole
  std::vector<files::NamedArray> derived;  ///< tables that were skipped; they tell sizes
  std::vector<Loaded> loaded;              ///< one for each of `arrays`, in that order
  std::vector<Skipped> skipped;
  std::vector<std::string> notes;          ///< sentences about what else was done
  std::optional<std::string> config_json;  ///< a checkpoint's config
  HubConfig hub;                           ///< what config.json beside the weights says

  const files::NamedArray* find(std::string_view name) const;  ///< null where absent
};

/// Recognizes the dialect by the keys alone and gives everything its official name. Prefixes of
/// wrappers (module., model., _orig_mod.) go; of a file with backbone.… keys, neck and heads are
/// skipped; SimMIM's encoder.… stays. HF's query, key, value are joined, torchvision's V2 qkv.bias
/// is cut into q_bias and v_bias, mm's patch merging is put into official channel order; all of it
/// bit for bit.
/// @param where the file, for errors.   @param allowed keys, `*` for any characters, that may be
/// there without meaning; they are skipped.
/// @throws base::WeightError where the dialect is not known, a key is unexpected (named with the
/// nearest one expected), or a part of a whole is missing.
WeightFile to_official(std::vector<files::NamedArray> arrays, const std::string& where,
                       std::span<const std::string> allowed = {});

/// files::read_raw_weights and to_official in one. A checkpoint's arrays have official names.
WeightFile read_weight_file(const std::filesystem::path& path,
                            std::span<const std::string> allowed = {},
                            files::WeightSet set = files::WeightSet::trained);

/// All that load_state_dict(strict=True) of that library needs, derived tables included. Views of
/// `arrays` wherever the bytes are the same.
/// @param arrays in official names.   @param config model they are of: its name, image_size and
/// windows are read, for the tables.
/// @throws base::UsageError where that library has no such model: mm, names it lacks, windows that
/// differ where it has one.
std::vector<files::NamedArray> to_dialect(std::span<const files::NamedArray> arrays,
                                          Dialect dialect, const ModelConfig& config);

/// The arrays of SimMIM's encoder under the names of the model it trains: encoder.x is x, mask
/// token and decoder are left out. Other arrays are returned as they are.
std::vector<files::NamedArray> encoder_of(std::span<const files::NamedArray> arrays);

/// What shapes say about the model, and what had to be assumed.
struct InferredConfig {
  ModelConfig config;
  std::vector<std::string> assumptions;  ///< "window_size 8: weights of Swin V2 do not tell it"
};

/// The `model` section of a weight file that has none.
/// @throws base::WeightError where the shapes are of no model here.
InferredConfig infer_model_config(const WeightFile& file);

}  // namespace swin::weights
