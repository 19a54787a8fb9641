// Consistent tables of a packed set, with the changes that the input asks for.
#pragma once
#include <string>

#include "data/formats/packed.h"
#include "fuzz/input.h"

namespace swin::fuzz {

/// @param images_bytes set to the bytes of all images before the changes.
inline data::PackedTables tables_from(Input& input, int64_t& images_bytes) {
  data::PackedTables tables;
  tables.multi_label = input.below(2) != 0;
  const size_t classes = 1 + input.below(5), images = 1 + input.below(6);
  for (size_t c = 0; c < classes; ++c) tables.class_names.push_back(std::string(c + 1, 'a'));
  for (size_t i = 0; i < images; ++i) {
    tables.image_offsets.push_back(tables.image_offsets.back() + 1 +
                                   static_cast<int64_t>(input.below(9)));
    const size_t first = tables.multi_label ? input.below(classes + 1) : input.below(classes);
    const size_t end = tables.multi_label ? classes : first + 1;
    for (size_t label = first; label < end; ++label)
      tables.labels.push_back(static_cast<int64_t>(label));
    tables.label_offsets.push_back(static_cast<int64_t>(tables.labels.size()));
    tables.names += std::string(input.below(4), 'n');
    tables.name_offsets.push_back(static_cast<int64_t>(tables.names.size()));
  }
  images_bytes = tables.image_offsets.back();
  std::vector<int64_t>* const lists[] = {&tables.image_offsets, &tables.labels,
                                         &tables.label_offsets, &tables.name_offsets};
  for (size_t changes = input.below(4); changes > 0; --changes) {
    std::vector<int64_t>& list = *lists[input.below(4)];
    const size_t kind = input.below(8), at = list.empty() ? 0 : input.below(list.size());
    const int64_t value = input.below(2) != 0 ? input.small() : input.small() * (INT64_MAX / 128);
    if (kind == 0)
      list.push_back(value);
    else if (kind == 1)
      list.clear();
    else if (kind == 2)
      tables.names.resize(input.below(20), 'm');
    else if (kind == 3)
      tables.class_names.resize(input.below(6));
    else if (kind == 4 && !list.empty())
      list.pop_back();
    else if (!list.empty())
      list[at] = value;
  }
  return tables;
}

}  // namespace swin::fuzz
