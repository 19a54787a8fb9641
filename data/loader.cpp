#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "data/batch_order.h"
#include "data/stages.h"

namespace swin::data {
namespace {

constexpr int64_t kChunk = 16;  // images a worker takes at a time
constexpr int64_t kAhead = 2;   // batches in preparation or ready, besides the caller's

void check_options(const Dataset& dataset, const LoaderOptions& options) {
  const auto at_least = [](int64_t least, const char* field, int64_t found) {
    if (found < least)
      throw base::UsageError(
          field, "found " + std::to_string(found) + ", expected at least " + std::to_string(least));
  };
  const auto [height, width] = base::Size2{options.preprocess.height, options.preprocess.width};
  at_least(1, "trainer.batch_size", options.batch_size);
  at_least(0, "runtime.workers", options.workers);
  if (height < 1 || width < 1)
    throw base::UsageError("model.image_size",
                           "found " + base::size_text(height, width) + ", expected at least 1 × 1");
  at_least(0, "augment.random_crop", options.augment.random_crop);
  at_least(1, "augment.repeats", options.augment.repeats);
  if (options.group_by_aspect_ratio && options.augment.repeats > 1)
    throw base::UsageError("data.group_by_aspect_ratio",
                           "found true and repeats of images, expected one of them",
                           "set it to false, or augment.repeats to 1");
  if (dataset.size() < 1) throw base::UsageError("data", "found no image, expected at least one");
  const AnnotationKind kind = dataset.annotation_kind();
  if (options.training && options.augment.auto_augment &&
      (kind == AnnotationKind::label_map || kind == AnnotationKind::objects))
    throw base::UsageError("augment.auto_augment",
                           "found a policy, which may move pixels away from their annotation, "
                           "expected none for label maps and objects",
                           "set it to null and use augment.color_jitter");
}

// Rethrows what reading an image threw, as an error that names the image and has an exit code.
[[noreturn]] void rethrow_naming(const std::string& name) {
  try {
    throw;
  } catch (const base::Error& e) {
    if (std::string(e.what()).find(name) != std::string::npos) throw;
    if (e.code() == base::ExitCode::data) throw base::DataError(name, e.what());
    throw base::Error(e.code(), name, e.what());
  } catch (const std::bad_alloc&) {
    throw base::MemoryError(name, "found no memory for it, expected enough for one image",
                            "lower runtime.workers or trainer.batch_size");
  } catch (const std::exception& e) {
    throw base::InternalError(name, std::string("found an unexpected error: ") + e.what(),
                              "remove the file and report it");
  } catch (...) {
    throw base::InternalError(name, "found an unexpected error", "remove the file and report it");
  }
}

// Finds another image of the same class for one that cannot be read.
class Replacement {
 public:
  Replacement(const Stages& stages, uint64_t seed) : stages_(stages), seed_(seed) {}

  /// Loads the first readable image of the class, in an order drawn from (seed, epoch, index).
  /// @param error what reading image `index` threw.   @return the index of the loaded image.
  /// @throws DataError where the class has no readable image.
  int64_t load(int64_t index, uint64_t epoch, const std::string& error, Work& work) const {
    const auto loaded = first(index, epoch, [&](int64_t candidate) {
      try {
        stages_.load_source(candidate, work);
        return true;
      } catch (const base::DataError&) {
        return false;  // reported where the epoch itself loads it
      } catch (...) {
        rethrow_naming(stages_.dataset.name(candidate));
      }
    });
    if (loaded) return *loaded;
    throw base::DataError(stages_.dataset.name(index),
                          "found no readable image of its class to replace it, expected one",
                          "restore the class; the first error was: " + error);
  }

  /// The size of the image that load() will most likely choose: the first one with a size.
  std::optional<base::Size2> size(int64_t index, uint64_t epoch, ImageSizes& sizes) const {
    const auto found =
        first(index, epoch, [&](int64_t candidate) { return sizes.find(candidate).has_value(); });
    return found ? sizes.find(*found) : std::nullopt;
  }

 private:
  template <class Fits>
  std::optional<int64_t> first(int64_t index, uint64_t epoch, const Fits& fits) const {
    std::call_once(sorted_, [&] { sort(); });
    const auto stratum_of = [&](int64_t i) { return stages_.dataset.stratum(i); };
    const auto [begin, end] =
        std::ranges::equal_range(by_stratum_, stages_.dataset.stratum(index), {}, stratum_of);
    const auto count = static_cast<uint64_t>(end - begin);
    const base::Permutation order(
        count, base::Random(seed_, "data/replacement", epoch, static_cast<uint64_t>(index)));
    for (uint64_t k = 0; k < count; ++k) {
      const int64_t candidate = begin[static_cast<int64_t>(order(k))];
      if (candidate != index && fits(candidate)) return candidate;
    }
    return std::nullopt;
  }

  void sort() const {
    by_stratum_.resize(static_cast<size_t>(stages_.dataset.size()));
    std::iota(by_stratum_.begin(), by_stratum_.end(), int64_t{0});
    std::ranges::stable_sort(by_stratum_, {},
                             [&](int64_t i) { return stages_.dataset.stratum(i); });
  }

  const Stages& stages_;
  const uint64_t seed_;
  mutable std::once_flag sorted_;  // sorted at the first bad image
  mutable std::vector<int64_t> by_stratum_;
};

}  // namespace

class Loader::Implementation {
 public:
  Implementation(const Dataset& dataset, const LoaderOptions& options)
      : dataset_(dataset),
        options_((check_options(dataset, options), options)),
        stages_(dataset, options.preprocess, options.training ? options.augment : Augment(),
                !options.training),
        num_batches_(options.drop_last
                         ? dataset.size() / options.batch_size
                         : (dataset.size() + options.batch_size - 1) / options.batch_size),
        num_samples_(options.drop_last ? num_batches_ * options.batch_size : dataset.size()),
        replacement_(stages_, options.seed),
        sizes_(dataset) {
    if (num_batches_ == 0)
      throw base::UsageError("trainer.batch_size",
                             "found " + std::to_string(options.batch_size) +
                                 ", expected at most the " + std::to_string(dataset.size()) +
                                 " images of the training data",
                             "lower it or use more data");
    next_claimed_ = next_delivered_ = num_batches_;  // nothing to do before start()
    for (int i = 0; i < options.workers; ++i) {
      workers_.emplace_back([this](std::stop_token stop) { work(stop); });
    }
  }

  ~Implementation() {
    for (std::jthread& worker : workers_) worker.request_stop();
    workers_.clear();  // joins
  }

  void start(int64_t epoch, int64_t first_batch) {
    if (epoch < 0 || first_batch < 0 || first_batch > num_batches_)
      throw base::InternalError("data::Loader::start", "found epoch " + std::to_string(epoch) +
                                                           ", batch " +
                                                           std::to_string(first_batch) + " of " +
                                                           std::to_string(num_batches_));
    std::unique_lock lock(mutex_);
    next_claimed_ = num_batches_;  // workers take no more of the old epoch
    changed_.wait(lock, [&] { return busy_ == 0; });
    epoch_ = static_cast<uint64_t>(epoch);
    order_.reset();
    groups_.reset();
    if (options_.shuffle)
      order_.emplace(static_cast<uint64_t>(dataset_.size()),
                     base::Random(options_.seed, "data/shuffle", epoch_));
    if (order_ && options_.group_by_aspect_ratio)
      groups_.emplace(*order_, dataset_.size(), options_.batch_size,
                      base::Random(options_.seed, "data/groups", epoch_),
                      [this](int64_t i) { return sizes_.is_wide(i); });
    next_claimed_ = next_delivered_ = first_batch;
    next_chunk_ = 0;
    changed_.notify_all();
  }

  bool next(Batch& batch) {
    const base::Stopwatch watch;
    const bool more = workers_.empty() ? make_next(batch) : take_next(batch);
    seconds_waited_ += watch.seconds();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return more;
  }

 private:
  friend Loader;
  // A batch in preparation. Guarded by mutex_, except for the images of a chunk, which belong to
  // the worker that makes the chunk.
  struct Slot {
    Batch batch;
    int64_t chunks_left = 0;
    int64_t failed_at = 0;  // lowest position of an image that failed
    std::exception_ptr error;
  };

  // Keeps the image a thread loaded last, for its repeats that follow in the chunk.
  static Work& empty_work() {
    thread_local Work work;
    work.loaded.reset();  // it may come from another loader
    return work;
  }

  int64_t batch_begin(int64_t number) const { return number * options_.batch_size; }
  int64_t batch_size(int64_t number) const {
    return std::min(options_.batch_size, num_samples_ - batch_begin(number));
  }

  // What is at a place of the epoch.
  struct Place {
    int64_t index;  // in the data set
    Draw draw;
  };
  Place place(int64_t in_epoch) const {
    const int64_t repeats = options_.training ? options_.augment.repeats : 1;
    const auto in_order = static_cast<uint64_t>(in_epoch / repeats);
    const uint64_t index = groups_ ? (*groups_)(in_order) : order_ ? (*order_)(in_order) : in_order;
    const auto repeat = static_cast<uint64_t>(in_epoch % repeats);
    return {static_cast<int64_t>(index),
            {options_.seed, epoch_, index * static_cast<uint64_t>(repeats) + repeat}};
  }

  // From the sizes of the images and the draws alone, so that it is known before the images are.
  base::Size2 padded_size(int64_t number) {
    if (!sizes_vary(stages_.preprocess, stages_.augment))
      return {options_.preprocess.height, options_.preprocess.width};
    base::Size2 largest = {1, 1};
    for (int64_t position = 0; position < batch_size(number); ++position) {
      const auto [index, draw] = place(batch_begin(number) + position);
      std::optional<base::Size2> image = sizes_.find(index);
      if (!image && options_.on_bad == OnBad::replace)
        image = replacement_.size(index, epoch_, sizes_);
      if (!image) continue;
      const auto [height, width] = stages_.sample_size(*image, draw);
      largest = {std::max(largest[0], height), std::max(largest[1], width)};
    }
    return padded_up(largest);
  }

  void size_batch(int64_t number, Batch& batch) {
    batch.size = batch_size(number);
    batch.own_share.clear();
    batch.padded_size = padded_size(number);
    const auto [height, width] = batch.padded_size;
    batch.images.resize(
        static_cast<size_t>(batch.size * height * width * options_.preprocess.channels));
    batch.real_sizes.assign(static_cast<size_t>(batch.size), batch.padded_size);
    batch.original_sizes.assign(static_cast<size_t>(batch.size), {0, 0});
    const int64_t columns = options_.label_rows ? dataset_.num_classes() : 1;
    batch.labels.assign(static_cast<size_t>(batch.size * columns), 0);
    batch.annotations.resize(static_cast<size_t>(batch.size));
    batch.indices.resize(static_cast<size_t>(batch.size));
    batch.bad.clear();
  }

  // Loads an image, or its replacement. @return the index of the loaded image; empty: skipped.
  std::optional<int64_t> load(int64_t index, int64_t position, Work& work,
                              std::vector<BadImage>& bad) const {
    if (work.loaded == index) return index;
    try {
      try {
        stages_.load_source(index, work);
        return index;
      } catch (...) {
        rethrow_naming(dataset_.name(index));
      }
    } catch (const base::Error& e) {
      if (e.code() != base::ExitCode::data || options_.on_bad == OnBad::error) throw;
      BadImage& entry = bad.emplace_back(BadImage{position, index, e.what(), index});
      if (options_.on_bad == OnBad::skip) return std::nullopt;
      return entry.replaced_by = replacement_.load(index, epoch_, entry.error, work);
    }
  }

  // What cannot be read may be the annotation, such as a label map.
  Annotation annotation_of_bad(int64_t index) const {
    try {
      return dataset_.annotation(index);
    } catch (const base::DataError&) {
      return {};
    }
  }

  void write_labels(const Annotation& annotation, int64_t position, Batch& batch) const {
    if (!options_.label_rows) {
      batch.labels[static_cast<size_t>(position)] = stratum_of(annotation);
      return;
    }
    for (const int64_t label : classes_of(annotation))
      batch.labels[static_cast<size_t>(position * dataset_.num_classes() + label)] = 1;
  }

  // Fills one position of a batch. All random values are named by (seed, epoch, index); a
  // replacement gets those of the image it replaces.
  void make_sample(int64_t number, int64_t position, Work& work, Batch& batch,
                   std::vector<BadImage>& bad) const {
    const auto [index, draw] = place(batch_begin(number) + position);
    const std::optional<int64_t> found = load(index, position, work, bad);
    const auto at = static_cast<size_t>(position);
    batch.indices[at] = found.value_or(index);
    Annotation& annotation = batch.annotations[at];
    const int64_t values = std::ssize(batch.images) / batch.size;
    float* const out = batch.images.data() + position * values;
    if (!found) {
      annotation = annotation_of_bad(index);
      std::fill_n(out, values, 0.0f);
    } else {
      try {
        stages_.make_sample(draw, batch.padded_size, out, work);
      } catch (...) {
        rethrow_naming(dataset_.name(*found));
      }
      annotation = std::move(work.annotation);
      batch.real_sizes[at] = {work.geometry.window.height, work.geometry.window.width};
      batch.original_sizes[at] = {work.source.image.height, work.source.image.width};
    }
    write_labels(annotation, position, batch);
  }

  // Without workers the calling thread makes the batch. Its errors go through error_, as those of
  // workers do.
  bool make_next(Batch& batch) {
    if (next_delivered_ >= num_batches_) return false;
    const int64_t number = next_delivered_++;
    size_batch(number, batch);
    Work& work = empty_work();
    try {
      for (int64_t position = 0; position < batch.size; ++position)
        make_sample(number, position, work, batch, batch.bad);
    } catch (...) {
      error_ = std::current_exception();
    }
    return true;
  }

  bool take_next(Batch& batch) {
    std::unique_lock lock(mutex_);
    if (next_delivered_ >= num_batches_) return false;
    Slot& slot = slots_[next_delivered_ % kAhead];
    changed_.wait(lock, [&] { return next_claimed_ > next_delivered_ && slot.chunks_left == 0; });
    std::swap(batch, slot.batch);
    std::ranges::sort(batch.bad, {}, &BadImage::position);  // chunks end in any order
    error_ = std::exchange(slot.error, nullptr);
    ++next_delivered_;
    changed_.notify_all();
    return true;
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, stop, [&] {
        return next_claimed_ < num_batches_ && next_claimed_ < next_delivered_ + kAhead;
      });
      if (stop.stop_requested()) return;
      // Workers claim chunks in order: batch by batch, and chunk by chunk within a batch.
      const int64_t number = next_claimed_, chunk = next_chunk_;
      Slot& slot = slots_[number % kAhead];
      const int64_t chunks = (batch_size(number) + kChunk - 1) / kChunk;
      if (chunk == 0) {
        slot.chunks_left = chunks;
        slot.error = nullptr;
        try {
          size_batch(number, slot.batch);
        } catch (...) {  // out of memory: next() throws it for this batch
          slot.error = std::current_exception();
          slot.chunks_left = 0;
          ++next_claimed_;
          changed_.notify_all();
          continue;
        }
      }
      if (++next_chunk_ == chunks) {
        ++next_claimed_;
        next_chunk_ = 0;
      }
      ++busy_;
      lock.unlock();
      int64_t position = chunk * kChunk;
      const int64_t end = std::min(position + kChunk, slot.batch.size);
      std::exception_ptr error;
      std::vector<BadImage> bad;
      Work& work = empty_work();
      try {
        for (; position < end && !stop.stop_requested(); ++position)
          make_sample(number, position, work, slot.batch, bad);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      --busy_;
      --slot.chunks_left;
      std::ranges::move(bad, std::back_inserter(slot.batch.bad));
      if (error && (!slot.error || position < slot.failed_at)) {
        slot.error = error;
        slot.failed_at = position;
      }
      changed_.notify_all();
    }
  }

  const Dataset& dataset_;
  const LoaderOptions options_;
  const Stages stages_;
  const int64_t num_batches_, num_samples_;
  const Replacement replacement_;
  ImageSizes sizes_;  // guarded by mutex_ where there are workers

  uint64_t epoch_ = 0;
  std::optional<base::Permutation> order_;
  std::optional<GroupedOrder> groups_;
  double seconds_waited_ = 0;
  std::exception_ptr error_;  // of the batch that next() is about to hand out

  std::mutex mutex_;
  std::condition_variable_any changed_;
  int64_t next_claimed_ = 0, next_chunk_ = 0, next_delivered_ = 0, busy_ = 0;
  Slot slots_[kAhead];
  std::vector<std::jthread> workers_;  // last: they use all of the above
};

Loader::Loader(const Dataset& dataset, const LoaderOptions& options)
    : implementation_(std::make_unique<Implementation>(dataset, options)) {}
Loader::~Loader() = default;
int64_t Loader::num_batches() const { return implementation_->num_batches_; }
int64_t Loader::num_samples() const { return implementation_->num_samples_; }
void Loader::start(int64_t epoch, int64_t first_batch) {
  implementation_->start(epoch, first_batch);
}
bool Loader::next(Batch& batch) { return implementation_->next(batch); }
double Loader::seconds_waited() const { return implementation_->seconds_waited_; }
const Dataset& Loader::dataset() const { return implementation_->dataset_; }

}  // namespace swin::data
