// Generated images: ten classes of shapes, drawn from a seed. Needs no files, so tests, first steps
// and benchmarks run anywhere; a small model learns it in seconds. Uses only + − × ÷ √ and
// base/math, so the bytes are equal on every machine.
#include <algorithm>
#include <cmath>
#include <span>

#include "base/errors.h"
#include "base/math.h"
#include "base/random.h"
#include "data/formats/formats.h"
#include "files/digest.h"

namespace swin::data {
namespace {

// Whether a point is inside. The shape lies around the origin, with a half side of 1; y is down.
using Shape = bool (*)(float x, float y);

bool even(float value) { return (static_cast<int>(std::floor(value)) & 1) == 0; }
float larger(float x, float y) { return std::max(std::fabs(x), std::fabs(y)); }

struct Class {
  const char* name;
  Shape inside;
};

// Mirroring a shape, or rotating it by up to 15 degrees, does not change its class.
constexpr Class kClasses[] = {
    {"circle", [](float x, float y) { return x * x + y * y < 1; }},
    {"square", [](float x, float y) { return larger(x, y) < 0.9f; }},
    {"triangle", [](float x, float y) { return y < 0.8f && y > -1 && 2 * std::fabs(x) < y + 1; }},
    {"cross",
     [](float x, float y) {
       return larger(x, y) < 1 && std::min(std::fabs(x), std::fabs(y)) < 0.3f;
     }},
    {"ring", [](float x, float y) { return x * x + y * y < 1 && x * x + y * y > 0.4f; }},
    {"diamond", [](float x, float y) { return std::fabs(x) + std::fabs(y) < 1; }},
    {"frame", [](float x, float y) { return larger(x, y) < 1 && larger(x, y) > 0.65f; }},
    {"horizontal_stripes",
     [](float x, float y) { return larger(x, y) < 1 && even(y * 2.5f + 0.5f); }},
    {"vertical_stripes",
     [](float x, float y) { return larger(x, y) < 1 && even(x * 2.5f + 0.5f); }},
    {"checkerboard",
     [](float x, float y) { return larger(x, y) < 1 && even(x * 2) == even(y * 2); }},
};
constexpr int64_t kNumClasses = std::size(kClasses);

class Synthetic : public Dataset {
 public:
  explicit Synthetic(const DatasetOptions& options) : options_(options) {
    const auto [height, width] = options.synthetic_size;
    if (options.synthetic_samples < 1)
      throw base::UsageError("data.samples", "found " + std::to_string(options.synthetic_samples) +
                                                 ", expected at least 1");
    if (height < 1 || width < 1 || height > 16384 || width > 16384)
      throw base::UsageError("model.image_size",
                             "found " + std::to_string(height) + " × " + std::to_string(width) +
                                 ", expected sides of 1 … 16384 pixels for synthetic images");
    for (const Class& shape : kClasses) class_names_.push_back(shape.name);
    stream_ = std::string("data/synthetic/") + split_name(options.split);
    const std::string recipe = stream_ + " 1 " + std::to_string(options.seed) + " " +
                               std::to_string(options.synthetic_samples) + " " +
                               std::to_string(height) + "x" + std::to_string(width) + "x" +
                               std::to_string(options.channels);
    fingerprint_ = files::to_hex(files::sha256(std::as_bytes(std::span(recipe))));
  }

  int64_t size() const override { return options_.synthetic_samples; }
  base::Size2 size(int64_t) const override { return options_.synthetic_size; }
  Annotation annotation(int64_t i) const override { return OneClass{i % kNumClasses}; }
  std::string name(int64_t i) const override {
    return std::string("synthetic ") + split_name(options_.split) + " #" + std::to_string(i);
  }

  void load(int64_t i, Image& image) const override {
    const auto [height, width] = options_.synthetic_size;
    const int64_t channels = options_.channels;
    image.reshape(height, width, channels);
    const base::Random random(options_.seed, stream_, 0, static_cast<uint64_t>(i));
    const auto between = [&](uint64_t element, float low, float high) {
      return low + (high - low) * random.uniform(element);
    };
    const float side = static_cast<float>(std::min(height, width));
    const float radius = side * between(0, 0.25f, 0.4f);
    const float center_y = static_cast<float>(height) * 0.5f + side * between(1, -0.1f, 0.1f);
    const float center_x = static_cast<float>(width) * 0.5f + side * between(2, -0.1f, 0.1f);
    const double turn =
        static_cast<double>(between(3, -1, 1)) / 12;  // in half turns: up to 15 degrees
    const float sine = static_cast<float>(base::sin_pi(turn)) / radius;
    const float cosine = static_cast<float>(base::cos_pi(turn)) / radius;
    float paper[3], ink[3];
    for (uint64_t c = 0; c < 3; ++c) {
      paper[c] = between(4 + c, 0, 90);
      ink[c] = between(8 + c, 150, 255);
    }
    const Shape inside = kClasses[i % kNumClasses].inside;
    const base::Random noise(options_.seed, stream_ + "/noise", 0, static_cast<uint64_t>(i));
    std::array<uint32_t, 4> words{};
    uint64_t element = 0;
    for (int64_t y = 0; y < height; ++y) {
      uint8_t* row = image.row(y);
      for (int64_t x = 0; x < width; ++x) {
        int covered = 0;  // of four points in the pixel, for soft edges
        for (int point = 0; point < 4; ++point) {
          const float dy = static_cast<float>(y) + ((point & 2) ? 0.75f : 0.25f) - center_y;
          const float dx = static_cast<float>(x) + ((point & 1) ? 0.75f : 0.25f) - center_x;
          covered += inside(cosine * dx + sine * dy, cosine * dy - sine * dx);
        }
        const float share = static_cast<float>(covered) * 0.25f;
        for (int64_t c = 0; c < channels; ++c, ++element) {
          if (element % 4 == 0) words = noise.block(element / 4);
          const float grain = (base::Random::to_uniform(words[element % 4]) - 0.5f) * 40;
          const float value = paper[c] + share * (ink[c] - paper[c]) + grain;
          row[x * channels + c] = static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
        }
      }
    }
  }

 private:
  DatasetOptions options_;
  std::string stream_;
};

}  // namespace

std::unique_ptr<Dataset> open_synthetic(const DatasetOptions& options) {
  return std::make_unique<Synthetic>(options);
}

}  // namespace swin::data
