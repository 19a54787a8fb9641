#include "trainers/run/data_stages.h"

#include <algorithm>
#include <span>

#include "base/errors.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "data/decode/decode.h"

namespace swin::trainers {

DataStages measure_stages(const data::Dataset& dataset, const data::DecodeOptions& decode_options,
                          const data::LoaderOptions& options, double seconds) {
  const data::Preprocess& preprocess = options.preprocess;
  const data::Normalization normalization(preprocess.channels, preprocess.mean, preprocess.std);
  const bool files = dataset.holds_files();
  const bool augments = options.augment.auto_augment || options.augment.color_jitter.any() ||
                        options.augment.random_erasing > 0;
  data::Augment geometry;
  geometry.random_resized_crop = options.augment.random_resized_crop;
  geometry.random_crop = options.augment.random_crop;
  geometry.horizontal_flip = options.augment.horizontal_flip;
  double read = 0, decode = 0, normalize = 0, plain = 0, whole = 0, pixels = 0;
  int64_t images = 0, decoded = 0;
  const auto repeats = static_cast<uint64_t>(options.augment.repeats);
  std::string error;
  std::vector<uint8_t> memory;
  data::Image loaded, window;
  window.reshape(preprocess.height, preprocess.width, preprocess.channels);
  std::vector<float> out(window.pixels.size());
  const auto count = static_cast<uint64_t>(dataset.size());
  const base::Permutation order(count, base::Random(options.seed, "data/shuffle", 0));
  const base::Stopwatch watch;
  for (uint64_t i = 0; images == 0 ? i < count : watch.seconds() < seconds; ++i) {
    const uint64_t index = order(i % count);
    base::Stopwatch lap;
    try {
      if (files) {
        const std::span<const uint8_t> bytes = dataset.encoded(static_cast<int64_t>(index), memory);
        const double reading = lap.restart();
        data::decode_image(bytes, dataset.name(static_cast<int64_t>(index)), preprocess.channels,
                           loaded, decode_options);
        read += reading;
      } else {
        dataset.load(static_cast<int64_t>(index), loaded);
      }
    } catch (const base::DataError& e) {
      error = e.what();
      continue;
    }
    decode += lap.restart();
    pixels += static_cast<double>(loaded.height * loaded.width);
    ++decoded;
    for (uint64_t turn = 0; turn < repeats; ++turn, ++images) {
      const data::Draw draw{options.seed, i / count, index * repeats + turn};
      data::make_training_sample(loaded, preprocess, geometry, normalization, draw, out.data());
      plain += lap.restart();
      data::write_normalized(window, {}, preprocess.height, preprocess.width, false, normalization,
                             out.data());
      normalize += lap.restart();
      if (augments) {
        data::make_training_sample(loaded, preprocess, options.augment, normalization, draw,
                                   out.data());
        whole += lap.restart();
      }
    }
  }
  if (images == 0) throw base::DataError("data.train", "found no readable image: " + error);
  DataStages result;
  result.decoded_pixels = pixels / static_cast<double>(decoded);
  const auto add = [&](const char* name, double total) {
    result.stages.push_back({name, std::max(total, 0.0) / static_cast<double>(images)});
  };
  if (files) add("read", read);
  add(files ? "decode" : "load", decode);
  add("resize", plain - normalize);
  if (augments) add("augment", whole - plain);
  add("normalise", normalize);
  return result;
}

}  // namespace swin::trainers
