// Pre-processing in the JSON files of Hugging Face and timm.
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "weights/hub_config.h"
#include "weights/hub_reader.h"

namespace swin::weights {

namespace {

const char* const kRemedy =
    "say it yourself with --config CONFIG, whose preprocess section has resize (or crop_pct), "
    "interpolation, mean and std";

constexpr double kImagenetMean[] = {0.485, 0.456, 0.406}, kImagenetStd[] = {0.229, 0.224, 0.225};
constexpr double kClipMean[] = {0.48145466, 0.4578275, 0.40821073},
                 kClipStd[] = {0.26862954, 0.26130258, 0.27577711};

std::vector<double> three(const double (&values)[3]) {
  return {std::begin(values), std::end(values)};
}

/// Values that `preprocess.mean` and `preprocess.std` accept.
void require_range(const HubReader& reader, const char* mean_field, const char* std_field,
                   const Preprocess& preprocess) {
  const auto list = [](const std::vector<double>& values) {
    return base::to_text(base::Json::array_of(values));
  };
  for (const double m : preprocess.mean)
    if (!(m >= 0 && m <= 1))
      reader.fail(std::string("found ") + mean_field + " " + list(preprocess.mean) +
                  " of pixels in 0 … 1, expected numbers from 0 to 1");
  for (const double s : preprocess.std)
    if (!(s > 0 && s <= 1))
      reader.fail(std::string("found ") + std_field + " " + list(preprocess.std) +
                  " of pixels in 0 … 1, expected numbers above 0 and up to 1");
  if (preprocess.mean.size() > 3 || preprocess.std.size() > 3)
    reader.fail(std::string("found ") + mean_field + " of more than 3 channels, expected 1 or 3");
}

std::string interpolation_in(const HubReader& reader, const char* field, const std::string& name) {
  if (name == "bilinear" || name == "bicubic" || name == "lanczos") return name;
  reader.fail(std::string("found ") + field + " " + base::printable(name) +
              ", expected bilinear, bicubic or lanczos");
}

// ---- Hugging Face ------------------------------------------------------------------------------

/// The image processors whose steps are known, with the defaults of what their files leave out.
struct Processor {
  const char* name;
  bool square;  // a size of one number is height and width, else the short side
  bool center_crop;
  int64_t size, crop;
  int64_t resample;
  enum { half, clip, imagenet } normalization;  // mean and std: 0.5, CLIP's, ImageNet's
};
constexpr Processor kProcessors[] = {
    {"ViT", true, false, 224, 0, 2, Processor::half},
    {"DeiT", true, true, 256, 224, 3, Processor::half},
    {"CLIP", false, true, 224, 224, 3, Processor::clip},
    {"Bit", false, true, 224, 224, 3, Processor::clip},
    {"ConvNext", false, false, 384, 0, 3, Processor::half},
    {"Segformer", true, false, 512, 0, 2, Processor::imagenet},
};

class ProcessorReader {
 public:
  explicit ProcessorReader(const HubReader& reader) : reader_(reader), processor_(processor()) {}

  Preprocess read() {
    refuse_other_steps();
    result_.where = reader_.where();
    geometry();
    result_.interpolation = resample();
    normalization();
    return result_;
  }

 private:
  const Processor& processor() const {
    std::string type = reader_.text("image_processor_type");
    if (type.empty()) type = reader_.text("feature_extractor_type");
    if (type.empty()) return kProcessors[0];  // what transformers takes for Swin
    for (const Processor& known : kProcessors)
      for (const char* ending :
           {"ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor"})
        if (type == std::string(known.name) + ending) return known;
    reader_.fail("found the image processor " + base::printable(type) +
                 ", expected that of ViT (as Swin has it), DeiT, CLIP, Bit, ConvNext or Segformer "
                 "(as UPerNet has it)");
  }

  // Any other step would change pixels.
  void refuse_other_steps() const {
    static constexpr std::string_view kKnown[] = {"do_resize",      "do_center_crop",
                                                  "do_rescale",     "do_normalize",
                                                  "do_convert_rgb", "do_reduce_labels"};
    for (const auto& [name, value] : reader_.json().members()) {
      const bool known = std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
      const bool off = value.is_null() || (value.is_boolean() && !value.as_bool());
      if (name.starts_with("do_") && !known && !off)
        reader_.fail("found " + base::printable(name) +
                     ", expected resize, center crop, rescale and normalize alone");
    }
    if (reader_.flag("rescale_offset").value_or(false)) reader_.refuse("rescale_offset", "none");
  }

  struct Size {
    std::optional<Size2> exact;
    int64_t short_side = 0;
  };

  Size size(const char* field, bool square, int64_t by_default) const {
    const base::Json* found = reader_.find(field);
    const base::Json number(by_default);
    if (!found) found = &number;
    if (found->is_array()) {
      const std::vector<int64_t> list = reader_.numbers(field, 1);
      if (list.size() != 2) reader_.refuse(field, "height and width");
      return {Size2{list[0], list[1]}};
    }
    if (!found->is_object()) {
      const int64_t n = found == &number ? by_default : reader_.one(field).value_or(by_default);
      return square ? Size{Size2{n, n}} : Size{std::nullopt, n};
    }
    const HubReader parts(*found, reader_.where() + ": " + field, reader_.remedy());
    const auto height = parts.one("height"), width = parts.one("width"),
               shortest = parts.one("shortest_edge");
    for (const auto& [name, value] : found->members())
      if (name != "height" && name != "width" && name != "shortest_edge" && !value.is_null())
        reader_.refuse(field, "a number, height and width, or shortest_edge");
    if (height && width && !shortest) return {Size2{*height, *width}};
    if (shortest && !height && !width) return {std::nullopt, *shortest};
    reader_.refuse(field, "a number, height and width, or shortest_edge");
  }

  void geometry() {
    const bool crops = reader_.flag("do_center_crop").value_or(processor_.center_crop);
    const Size wanted = size("size", processor_.square, processor_.size);
    const std::optional<double> crop_pct = reader_.real("crop_pct");
    const bool convnext = std::strcmp(processor_.name, "ConvNext") == 0;
    if (crop_pct && !(*crop_pct > 0 && *crop_pct <= 1))
      reader_.refuse("crop_pct", "a number above 0 and up to 1");
    std::optional<Size2> crop;
    if (crops) {
      crop = size("crop_size", true, processor_.crop > 0 ? processor_.crop : 224).exact;
      if (!crop) reader_.refuse("crop_size", "a number, or height and width");
    }
    if (!reader_.flag("do_resize").value_or(true)) {
      if (crop) reader_.fail("found do_center_crop without do_resize, expected a resize before it");
      result_.resize = Preprocess::Resize{};
      result_.notes.push_back(
          "do_resize is false in " + reader_.where() +
          ": an image of another size than the model's is resized straight to it");
    } else if (convnext) {  // a crop only of small images
      constexpr int64_t kLarge = 384;
      const int64_t side = wanted.short_side;
      if (wanted.exact) reader_.refuse("size", "shortest_edge, as ConvNext's processor needs it");
      if (crop) reader_.refuse("do_center_crop", "false beside ConvNext's own crop");
      result_.input_size = {side, side};
      if (side < kLarge) result_.crop_pct = crop_pct.value_or(224.0 / 256);
      if (side >= kLarge) result_.resize = Preprocess::Resize{};
      if (side < kLarge) note_middle();
    } else if (crop_pct) {
      reader_.fail("found crop_pct, expected it with ConvNext's image processor alone");
    } else if (wanted.exact) {
      if (crop && *crop != *wanted.exact)
        reader_.fail(
            "found a straight resize to size and then another crop_size, expected either a "
            "straight resize or shortest_edge with a crop");
      result_.input_size = wanted.exact;
      result_.resize = Preprocess::Resize{};
    } else {
      if (!crop)
        reader_.fail("found shortest_edge without do_center_crop, expected images of one size");
      if (wanted.short_side < std::min((*crop)[0], (*crop)[1]))
        reader_.fail("found shortest_edge " + std::to_string(wanted.short_side) +
                     " below crop_size, expected at least the short side of the crop");
      result_.input_size = crop;
      result_.resize = Preprocess::Resize{wanted.short_side};
      note_middle();
    }
  }

  void note_middle() {
    result_.notes.push_back(
        "where an odd number of pixels is cut, transformers rounds the corner of the "
        "crop down, here it is rounded to the even one, as in torchvision");
  }

  std::string resample() const {
    // PIL's numbers.
    static constexpr const char* kNames[] = {"nearest", "lanczos", "bilinear",
                                             "bicubic", "box",     "hamming"};
    const base::Json* found = reader_.find("resample");
    if (found && found->is_string())
      return interpolation_in(reader_, "resample", found->as_string());
    const int64_t number = found && found->is_integer() ? found->as_int() : processor_.resample;
    if ((found && !found->is_integer()) || number < 0 || number > 5)
      reader_.refuse("resample", "a number of PIL: 1 lanczos, 2 bilinear or 3 bicubic");
    return interpolation_in(reader_, "resample", kNames[number]);
  }

  void normalization() {
    // Pixels are x · rescale_factor there and x / 255 here.
    const double factor = reader_.flag("do_rescale").value_or(true)
                              ? reader_.real("rescale_factor").value_or(1.0 / 255)
                              : 1;
    double scale = 255 * factor;
    if (!(scale > 0)) reader_.refuse("rescale_factor", "a number above 0");
    if (std::abs(scale - 1) < 1e-6) scale = 1;  // 1/255, in as many digits as was written
    std::vector<double>&mean = result_.mean, &std = result_.std;
    if (reader_.flag("do_normalize").value_or(true)) {
      mean = reader_.reals("image_mean");
      std = reader_.reals("image_std");
      const auto usual = [&](const double(&clip)[3], const double(&imagenet)[3]) {
        return processor_.normalization == Processor::clip       ? three(clip)
               : processor_.normalization == Processor::imagenet ? three(imagenet)
                                                                 : std::vector<double>(3, 0.5);
      };
      if (mean.empty()) mean = usual(kClipMean, kImagenetMean);
      if (std.empty()) std = usual(kClipStd, kImagenetStd);
    } else {
      mean = {0};
      std = {1};
    }
    for (double& value : mean) value /= scale;
    for (double& value : std) value /= scale;
    if (scale != 1)
      result_.notes.push_back("pixels are not divided by 255 in " + reader_.where() +
                              ": its factor is part of preprocess.mean and preprocess.std here");
    require_range(reader_, "image_mean", "image_std", result_);
  }

  const HubReader& reader_;
  const Processor& processor_;
  Preprocess result_;
};

}  // namespace

Preprocess read_processor_config(const std::string& text, const std::string& where) {
  const base::Json json = parse_hub_json(text, where, kRemedy);
  return ProcessorReader(HubReader(json, where, kRemedy)).read();
}

Preprocess read_pretrained_cfg(const HubReader& of_file) {
  const HubReader reader(of_file.json(), of_file.where() + ": pretrained_cfg", kRemedy);
  Preprocess result;
  result.where = reader.where();
  const std::vector<int64_t> size = reader.numbers("input_size", 1);
  if (size.size() == 3)
    result.input_size = {size[1], size[2]};
  else if (!size.empty())
    reader.refuse("input_size", "channels, height and width");
  const std::string interpolation = reader.text("interpolation");
  result.interpolation =
      interpolation.empty() ? "bicubic" : interpolation_in(reader, "interpolation", interpolation);
  const double crop_pct = reader.real("crop_pct").value_or(0.875);
  if (!(crop_pct > 0 && crop_pct <= 1)) reader.refuse("crop_pct", "a number above 0 and up to 1");
  const std::string mode = reader.text("crop_mode");
  if (mode == "squash" && crop_pct == 1) {
    result.resize = Preprocess::Resize{};
  } else if (mode.empty() || mode == "center") {
    if (result.input_size && (*result.input_size)[0] != (*result.input_size)[1])
      reader.refuse("input_size", "a square, as timm's crop of others differs");
    result.crop_pct = crop_pct;
  } else {
    reader.refuse("crop_mode", "center, or squash with crop_pct 1.0");
  }
  result.mean = reader.reals("mean");
  result.std = reader.reals("std");
  if (result.mean.empty()) result.mean = three(kImagenetMean);
  if (result.std.empty()) result.std = three(kImagenetStd);
  require_range(reader, "mean", "std", result);
  return result;
}

}  // namespace swin::weights
