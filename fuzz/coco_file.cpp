// The input is COCO JSON: annotations, then as results of them, too. What is accepted must be
// consistent: indices within the lists, masks of the size of their images, every annotation counted
// once.
#include "data/coco_file.h"

#include "data/run_lengths.h"
#include "fuzz/dataset_checks.h"

namespace {

using swin::fuzz::require;

void check(const swin::data::CocoFile& file) {
  int64_t counted = 0, listed = 0;
  for (const auto& fault : file.report().faults) counted += fault.count;
  require(counted == std::ssize(file.annotations()));
  for (int64_t image = 0; image < std::ssize(file.images()); ++image) {
    const auto& of = file.images()[static_cast<size_t>(image)];
    require(of.height > 0 && of.width > 0 && file.find_image(of.id) == image);
    for (const int32_t i : file.annotations_of(image)) {
      const auto& annotation = file.annotations()[static_cast<size_t>(i)];
      require(annotation.image == image);
      require(annotation.class_index < std::ssize(file.categories()));
      ++listed;
      if (of.height * of.width > 10'000 || annotation.mask == swin::data::CocoMask::none) continue;
      try {
        const auto runs = file.runs(i);
        require(runs.height == of.height && runs.width == of.width);
        swin::data::check_runs(runs);
      } catch (const swin::base::DataError&) {  // an outline that is too long
      }
    }
    swin::data::check_fits(file.objects(image), {of.height, of.width}, "image");
  }
  require(listed <= std::ssize(file.annotations()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const swin::fuzz::Folder folder;
  folder.write("g.json", {data, size});
  try {
    check(swin::data::CocoFile(folder.path() + "/g.json"));
  } catch (const swin::base::DataError&) {
  }
  static const swin::data::CocoFile truth = [] {
    const std::string text =
        R"({"images": [{"id": 1, "file_name": "a", "height": 8, "width": 9}],
            "categories": [{"id": 1, "name": "a"}]})";
    folder.write("t.json", {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    return swin::data::CocoFile(folder.path() + "/t.json");
  }();
  try {
    const swin::data::CocoResults results(folder.path() + "/g.json", truth);
    for (const auto& result : results.results())
      require(result.image == 0 && result.class_index == 0);
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
