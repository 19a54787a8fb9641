// A data set that fails or blocks where a test wants it to.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/errors.h"
#include "data/dataset.h"

namespace swin::data {

enum class Fault { damaged, damaged_unnamed, disk, no_memory, unexpected, not_an_exception, gray };

/// `size` images of 12 × 14; image i has the class i % classes and is filled with byte i.
class FaultyDataset : public Dataset {
 public:
  FaultyDataset(int64_t size, int64_t classes, std::map<int64_t, Fault> faults = {})
      : size_(size), faults_(std::move(faults)) {
    for (int64_t c = 0; c < classes; ++c) class_names_.push_back("class " + std::to_string(c));
  }

  int64_t size() const override { return size_; }
  Annotation annotation(int64_t i) const override { return OneClass{i % num_classes()}; }
  std::string name(int64_t i) const override { return "image_" + std::to_string(i) + ".jpg"; }
  void load(int64_t i, Image& image) const override {
    if (on_load) on_load(i);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return i != closed_; });
      ++loaded_;
      changed_.notify_all();
    }
    const auto fault = faults_.find(i);
    const bool gray = fault != faults_.end() && fault->second == Fault::gray;
    if (fault != faults_.end() && !gray) fail(i, fault->second);
    image.reshape(12, 14, gray ? 1 : 3);
    image.pixels.assign(image.pixels.size(), static_cast<uint8_t>(i));
  }

  /// Threads that load image i block until open().
  void close(int64_t i) {
    const std::lock_guard lock(mutex_);
    closed_ = i;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = -1;
    changed_.notify_all();
  }
  /// Returns once `count` images have been loaded or have failed.
  void wait_until_loaded(int64_t count) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return loaded_ >= count; });
  }
  int64_t loaded() const {
    const std::lock_guard lock(mutex_);
    return loaded_;
  }

  std::function<void(int64_t)> on_load;  ///< set before a loader is made

 private:
  [[noreturn]] void fail(int64_t i, Fault fault) const {
    switch (fault) {
      case Fault::damaged:
        throw base::DataError(name(i), "damaged");
      case Fault::damaged_unnamed:
        throw base::DataError("a decoder", "damaged");
      case Fault::disk:
        throw base::DiskError("a disk", "gone");
      case Fault::no_memory:
        throw std::bad_alloc();
      case Fault::unexpected:
        throw std::runtime_error("a library's own words");
      case Fault::not_an_exception:
      case Fault::gray:  // loads, but the transform refuses its channels
        break;
    }
    throw 42;
  }

  const int64_t size_;
  const std::map<int64_t, Fault> faults_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int64_t loaded_ = 0;
  int64_t closed_ = -1;
};

}  // namespace swin::data
