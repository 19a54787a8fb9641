// swin data preview: draws the first training batch as one image.
#include <algorithm>

#include "cli/argument_values.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/decode/decode.h"
#include "data/loader.h"
#include "data/preview.h"
#include "files/atomic_file.h"
#include "trainers/run/data_options.h"
#include "trainers/run/training_loop.h"

namespace swin::cli {
namespace {

constexpr int64_t kImages = 64, kPixels = 1 << 24;  // at most, of all of them

// Nothing of label maps and objects, which are drawn.
std::string class_text(const data::Dataset& dataset, int64_t index) {
  if (data::has_pixels_or_objects(dataset.annotation_kind())) return "";
  std::string text;
  for (const int64_t label : data::classes_of(dataset.annotation(index))) {
    const std::string& name = dataset.class_names()[static_cast<size_t>(label)];
    text += (text.empty() ? "" : ", ") + (name.empty() ? std::to_string(label) : one_line(name));
  }
  return text;
}

std::vector<std::string> texts_of(const data::Batch& batch, const data::Dataset& dataset) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < batch.size; ++i) {
    std::string text = class_text(dataset, batch.indices[static_cast<size_t>(i)]);
    if (!batch.own_share.empty()) {
      const double share = batch.own_share[static_cast<size_t>(i)];
      const int64_t partner = batch.indices[static_cast<size_t>(data::partner_of(i, batch.size))];
      text = fixed(share, 2) + " " + text + "\n" + fixed(1 - share, 2) + " " +
             class_text(dataset, partner);
    }
    texts.push_back(text);
  }
  return texts;
}

}  // namespace

base::ExitCode data_preview(const DataArguments& arguments) {
  files::require_writable(arguments.output);
  const trainers::Config config = trainers::load_config(arguments.path, arguments.sets);
  set_threads(arguments, config.runtime.threads);
  const auto dataset = trainers::open_dataset_of(config.data.train, config, true);
  tell_summary(*dataset, "data.train", arguments);
  data::LoaderOptions options = trainers::training_loader(config);
  const int64_t pixels = options.preprocess.height * options.preprocess.width;
  options.batch_size = std::min({config.trainer.batch_size, kImages, dataset->size(),
                                 std::max<int64_t>(1, kPixels / pixels)});
  options.label_rows = false;  // the texts come from the data set
  options.workers = 0;         // one batch
  data::Loader loader(*dataset, options);
  loader.start(0);
  data::Batch batch;
  loader.next(batch);
  if (!batch.bad.empty() && !arguments.quiet)
    note("Note: " + grouped(std::ssize(batch.bad)) + " bad images are replaced, as in training; " +
         batch.bad[0].error);
  const data::Preprocess& preprocess = options.preprocess;
  data::mix(data::draw_mix(trainers::mixing_of(config), preprocess.height, preprocess.width,
                           options.seed, 0, 0),
            preprocess.height, preprocess.width, preprocess.channels, batch);
  const data::Image drawn =
      data::draw_preview(batch, preprocess, texts_of(batch, *dataset), data::legend_of(*dataset));
  const std::vector<uint8_t> file =
      is_png_name(arguments.output) ? data::encode_png(drawn) : data::encode_jpeg(drawn);
  files::write_file_atomically(
      arguments.output, std::string_view(reinterpret_cast<const char*>(file.data()), file.size()));
  if (arguments.json) {
    base::Json json = base::Json::object();
    json["output"] = arguments.output;
    json["images"] = batch.size;
    add_summary(*dataset, json);
    print_json(json);
  } else {
    print("Wrote " + grouped(batch.size) + " training images to " + one_line(arguments.output) +
          "\n");
  }
  return base::ExitCode::done;
}

}  // namespace swin::cli
