#include "trainers/run/data_stages.h"

#include <algorithm>

#include "base/errors.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "data/stages.h"

namespace swin::trainers {

DataStages measure_stages(const data::Dataset& dataset, const data::LoaderOptions& options,
                          double seconds) {
  const data::Preprocess& preprocess = options.preprocess;
  const data::Stages stages(dataset, preprocess, options.augment);
  std::vector<data::Stage> all = stages.load;
  all.insert(all.end(), stages.make.begin(), stages.make.end());
  std::vector<double> totals(all.size()), laps(all.size());
  std::vector<float> out;
  data::Work work;
  // The times count once all of these stages have succeeded.
  const auto run = [&](size_t begin, size_t end) {
    base::Stopwatch lap;
    for (size_t s = begin; s < end; ++s) {
      all[s].run(stages, work);
      laps[s] = lap.restart();
    }
    for (size_t s = begin; s < end; ++s) totals[s] += laps[s];
  };
  double pixels = 0;
  int64_t images = 0, loaded = 0;
  const auto repeats = static_cast<uint64_t>(options.augment.repeats);
  std::string error;
  const auto count = static_cast<uint64_t>(dataset.size());
  const base::Permutation order(count, base::Random(options.seed, "data/shuffle", 0));
  const base::Stopwatch watch;
  for (uint64_t i = 0; images == 0 ? i < count : watch.seconds() < seconds; ++i) {
    const uint64_t index = order(i % count);
    work.index = static_cast<int64_t>(index);
    try {
      run(0, stages.load.size());
    } catch (const base::DataError& e) {
      error = e.what();
      continue;
    }
    pixels += static_cast<double>(work.source.image.height * work.source.image.width);
    ++loaded;
    for (uint64_t turn = 0; turn < repeats; ++turn, ++images) {
      work.draw = {options.seed, i / count, index * repeats + turn};
      const data::Image& image = work.source.image;
      work.padded_size = stages.sample_size({image.height, image.width}, work.draw);
      const int64_t values = work.padded_size[0] * work.padded_size[1] * preprocess.channels;
      out.resize(std::max(out.size(), static_cast<size_t>(values)));
      work.out = out.data();
      run(stages.load.size(), all.size());
    }
  }
  if (images == 0) throw base::DataError("data.train", "found no readable image: " + error);
  DataStages result;
  result.decoded_pixels = pixels / static_cast<double>(loaded);
  for (size_t s = 0; s < all.size(); ++s) {
    auto row = std::ranges::find(result.stages, all[s].name, &DataStage::name);
    if (row == result.stages.end()) row = result.stages.insert(row, DataStage{all[s].name});
    row->seconds_per_image += totals[s] / static_cast<double>(images);
  }
  return result;
}

}  // namespace swin::trainers
