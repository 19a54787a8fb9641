// TensorBoard's event files: TFRecords, each of which holds one Event in the encoding of Protocol
// Buffers. Sources: tensorboard/compat/proto/{event,summary,tensor}.proto, and for the framing
// tensorflow/core/lib/io/record_writer.h.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace swin::trainers {

/// CRC-32C (Castagnoli) of the bytes. Source: RFC 3720, appendix B.4.
uint32_t crc32c(std::string_view bytes);

/// How often values lie in each of a few bins of equal width.
struct Histogram {
  double minimum = 0, maximum = 0, count = 0, sum = 0, sum_of_squares = 0;
  std::vector<double> limits;  ///< the upper end of each bin; the last one is the maximum
  std::vector<double> counts;
};
/// Of the finite values; 30 bins, as many as TensorBoard draws, or one if all values are equal.
Histogram histogram_of(std::span<const float> values);

/// One Event. Tags must differ within it, and be UTF-8.
class Event {
 public:
  /// @param wall_time in seconds since 1970
  Event(double wall_time, int64_t step);
  /// The first one of a file.
  static Event file_version(double wall_time);
  /// The start of a process: readers forget all that they know of this step and later ones.
  static Event start(double wall_time, int64_t step);

  /// As a number of 32 bits, the kind of scalar that every reader knows.
  void add_scalar(const std::string& tag, double value);
  void add_histogram(const std::string& tag, const Histogram& histogram);
  /// @param image of 1 or 3 channels
  void add_image(const std::string& tag, const data::Image& image);
  /// @param markdown shown as Markdown
  void add_text(const std::string& tag, const std::string& markdown);
  /// Whether nothing was added.
  bool empty() const { return summary_.empty(); }
  /// As a record of a file: length, masked CRC-32C of the length, Event, masked CRC-32C of it.
  std::string record() const;

 private:
  void add(const std::string& tag, const std::string& value);
  std::string fields_, summary_;  // encoded
};

/// What an Event is about.
struct EventContent {
  int64_t step = 0;
  bool starts = false;            ///< Event::start
  std::vector<std::string> tags;  ///< of its values
};

/// Reads the records of a file up to the first one that is cut, damaged or not accepted.
/// @param take false: not accepted
/// @return the bytes before that record; −1 if the file cannot be opened
int64_t read_events(const std::filesystem::path& path,
                    const std::function<bool(const EventContent&)>& take);

}  // namespace swin::trainers
