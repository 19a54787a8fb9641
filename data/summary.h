// What a data set says of itself before it is used: the same lines and the same JSON for every
// verb.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"

namespace swin::data {

/// Lines for people, under 400 bytes each and without control characters.
struct Summary {
  /// "data.train: 21 images of 3 classes" first; then, for each reason, "data.train: 6 passed over,
  /// no image (.bmp): a/x.bmp, a/y.bmp, a/z.bmp and 3 more".
  std::vector<std::string> notes;
  /// "swin: warning: data.train: found classes named train and val, …"
  std::vector<std::string> warnings;
};

/// @param name of the set, as the user knows it: "data.train", or a path.
Summary summary_of(const Dataset& dataset, const std::string& name);

/// Objects of all images; −1 where they are not known without reading every annotation, or there is
/// no image.
int64_t count_objects(const Dataset& dataset);

/// [{"reason": "hidden", "count": n, "names": […]}, …]
base::Json passed_over_json(const std::vector<PassedOver>& passed_over);

/// The same, with all names: {"images": n, "classes": n, "passed_over": [{"reason": "hidden",
/// "count": n, "names": […]}, …], "warnings": [texts]}.
base::Json summary_json(const Dataset& dataset);

}  // namespace swin::data
