// Which name of ours is which name of theirs: data for weights/dialects.cpp.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "weights/dialects.h"

namespace swin::weights {

/// Models, as bits of NamePair::models.
inline constexpr unsigned kSwin = 1, kSwinV2 = 2, kSwinMlp = 4, kVit = 8;
inline constexpr unsigned kSwins = kSwin | kSwinV2 | kSwinMlp, kAll = kSwins | kVit;

unsigned model_bit(std::string_view model_name);

/// What happens to the numbers between ours and theirs.
enum class Transform {
  same,      ///< 1 ↔ 1, the same bytes
  thirds,    ///< 1 ↔ 3: rows of qkv apart as query, key, value
  q_zero_v,  ///< 2 ↔ 1: q_bias, v_bias as one vector with zeros for the keys between them
  unfold,    ///< 1 ↔ 1: the last side 4C has torch.nn.Unfold's order
  derived,   ///< made from the sizes when written, skipped when read
};

/// One row. Names hold {i}, {j}, {k}: numbers, also as {i+1}, {2i+1}; {p}: weight or bias; a
/// leading @: the block's prefix; " | " between the parts of a whole. Of several rows for one name
/// of ours, the first is written, all are read. Theirs empty: the same name.
struct NamePair {
  unsigned models;
  const char* ours;
  const char* theirs = "";
  Transform transform = Transform::same;
};

struct DialectTable {
  const char *block, *vit_block;  ///< what @ stands for in theirs
  std::span<const NamePair> pairs;
  /// Names a model of that library cannot be without.
  std::span<const NamePair> required;
};

/// What @ stands for in ours.
inline constexpr const char *kBlock = "layers.{i}.blocks.{j}.", *kVitBlock = "blocks.{j}.";

const DialectTable& table_of(Dialect dialect);

}  // namespace swin::weights
