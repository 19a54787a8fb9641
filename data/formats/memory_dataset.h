// Data sets whose images all have one size and are kept in memory: MNIST and CIFAR.
#pragma once
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

class MemoryDataset : public Dataset {
 public:
  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  base::Size2 size(int64_t) const override { return {height_, width_}; }
  Annotation annotation(int64_t i) const override {
    return OneClass{labels_[static_cast<size_t>(i)]};
  }
  void load(int64_t i, Image& image) const override {
    image.reshape(height_, width_, channels_);
    const size_t bytes = image.pixels.size();
    std::memcpy(image.pixels.data(), pixels_.data() + static_cast<size_t>(i) * bytes, bytes);
  }
  std::string name(int64_t i) const override { return split_ + " #" + std::to_string(i); }
  std::vector<ListedFile> files() const override { return files_; }

 protected:
  /// What files() returns: the names and sizes of the files that were read.
  void list_files(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) files_.push_back(listed_file(path));
  }
  /// Converts the whole set to another number of channels.
  void convert_to(int64_t channels) {
    if (channels == channels_) return;
    Image from{size() * height_, width_, channels_, std::move(pixels_)}, to;
    convert_channels(from, channels, to);
    channels_ = channels;
    pixels_ = std::move(to.pixels);
  }

  int64_t height_ = 0, width_ = 0, channels_ = 0;
  std::vector<uint8_t> pixels_;  // (size, height, width, channels)
  std::vector<uint8_t> labels_;
  std::string split_;

 private:
  std::vector<ListedFile> files_;
};

}  // namespace swin::data
