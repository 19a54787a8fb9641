// The tables that pair official names ("ours") with those of another library ("theirs").
#pragma once
#include <span>

#include "weights/dialects.h"

namespace swin::weights {

/// Models, as bits of NamePair::models.
inline constexpr unsigned kSwin = 1, kSwinV2 = 2, kSwinMlp = 4, kVit = 8;
inline constexpr unsigned kSwins = kSwin | kSwinV2 | kSwinMlp, kAll = kSwins | kVit;

unsigned model_bit(std::string_view model_name);

/// How the values of ours become those of theirs.
enum class Transform {
  same,             ///< 1 ↔ 1, the same bytes
  thirds,           ///< 1 ↔ 3: the rows of qkv, split into query, key, value
  q_zero_v,         ///< 2 ↔ 1: q_bias, zeros for the keys, and v_bias in one vector
  unfold,           ///< 1 ↔ 1: the last dim 4C is in torch.nn.Unfold's order
  background_last,  ///< 1 ↔ 1: the first row of theirs is the last of ours
  box_slot,         ///< 1 ↔ 1: four rows more in theirs, zeros, that nothing reads
  mask_slot,        ///< 1 ↔ 1: one row more in theirs, zeros, that nothing reads
  derived,          ///< computed from the sizes when written, skipped when read
};

/// The rows of theirs that nothing reads: those of the background before the classes'.
inline constexpr int64_t slot_of(Transform transform) {
  return transform == Transform::box_slot ? 4 : transform == Transform::mask_slot ? 1 : 0;
}

/// One row. Names contain {i}, {j}, {k} for numbers, also as {i+1}, {2i+1}; {p} for weight or bias;
/// a leading @ for the block's prefix; " | " between several names. If several rows have the same
/// official name, all are read and the first is written. An empty `theirs` is the same name.
struct NamePair {
  unsigned models;
  const char* ours;
  const char* theirs = "";
  Transform transform = Transform::same;
};

struct DialectTable {
  const char *block, *vit_block;  ///< replace @ in theirs
  std::span<const NamePair> pairs;
  /// Official names that every model of that library has.
  std::span<const NamePair> required;
};

/// Replace @ in ours.
inline constexpr const char *kBlock = "layers.{i}.blocks.{j}.", *kVitBlock = "blocks.{j}.";
/// Of a backbone's outputs.
inline constexpr const char* kStageNorm = "norm{k}.{p}";

const DialectTable& table_of(Dialect dialect);

}  // namespace swin::weights
