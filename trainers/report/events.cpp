#include "trainers/report/events.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>

#include "data/decode/decode.h"

namespace swin::trainers {
namespace {

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder >> 1 ^ (remainder & 1 ? 0x82F63B78u : 0u);
    table[byte] = remainder;
  }
  return table;
}();

/// TFRecords hold CRCs in this form, because the CRC of bytes that contain their own is constant.
uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u; }

template <class T>
std::string little_endian(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <class T>
T number_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// The wire format of Protocol Buffers: a field begins with its number and the type of what follows.
enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
  return bytes + static_cast<char>(value);
}
std::string key(uint64_t field, WireType type) { return varint((field << 3) | type); }
/// A zero is not written: readers take it for granted.
std::string int_field(uint64_t field, int64_t value) {
  return value == 0 ? "" : key(field, kVarint) + varint(static_cast<uint64_t>(value));
}
std::string double_field(uint64_t field, double value) {
  return std::bit_cast<uint64_t>(value) == 0 ? "" : key(field, kFixed64) + little_endian(value);
}
std::string float_field(uint64_t field, float value) {
  return key(field, kFixed32) + little_endian(value);
}
/// A text, bytes or a message inside of this one.
std::string bytes_field(uint64_t field, std::string_view bytes) {
  return (key(field, kBytes) + varint(bytes.size())).append(bytes);
}
std::string doubles_field(uint64_t field, const std::vector<double>& values) {
  std::string bytes;
  for (const double value : values) bytes += little_endian(value);
  return bytes_field(field, bytes);
}

/// Reads a message field by field.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}
  uint64_t field = 0, number = 0;  ///< the number of a varint
  std::string_view bytes;          ///< of any other type

  /// @return false at the end, and at what is no field
  bool next() {
    const auto start = take_varint();
    if (!start) return false;
    field = *start >> 3;
    number = 0;
    bytes = {};
    switch (*start & 7) {
      case kVarint: {
        const auto value = take_varint();
        number = value.value_or(0);
        return value.has_value();
      }
      case kFixed64:
        return take(8);
      case kFixed32:
        return take(4);
      case kBytes: {
        const auto size = take_varint();
        return size && take(*size);
      }
      default:
        return false;
    }
  }

 private:
  std::optional<uint64_t> take_varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return std::nullopt;
  }
  bool take(uint64_t size) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  std::string_view rest_;
};

EventContent content_of(std::string_view event) {
  EventContent content;
  for (FieldReader reader(event); reader.next();) {
    if (reader.field == 2) content.step = static_cast<int64_t>(reader.number);
    if (reader.field == 7) content.starts = true;
    if (reader.field != 5) continue;
    for (FieldReader values(reader.bytes); values.next();)
      for (FieldReader value(values.bytes); value.next();)
        if (value.field == 1) content.tags.emplace_back(value.bytes);
  }
  return content;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = crc >> 8 ^ kCrcTable[(crc ^ static_cast<uint8_t>(byte)) & 255];
  return ~crc;
}

Histogram histogram_of(std::span<const float> values) {
  constexpr size_t kBins = 30;
  Histogram histogram;
  float low = INFINITY, high = -INFINITY;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) return histogram;
  const double minimum = low, maximum = high;
  histogram.minimum = minimum;
  histogram.maximum = maximum;
  const size_t bins = minimum < maximum ? kBins : 1;
  const double width = (maximum - minimum) / static_cast<double>(bins);
  const double per_width = bins > 1 ? 1 / width : 0;
  std::array<int64_t, kBins> counts{};
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    histogram.sum += value;
    histogram.sum_of_squares += static_cast<double>(value) * value;
    ++counts[std::min(static_cast<size_t>((value - minimum) * per_width), bins - 1)];
  }
  for (size_t bin = 0; bin < bins; ++bin) {
    histogram.limits.push_back(bin + 1 < bins ? minimum + static_cast<double>(bin + 1) * width
                                              : maximum);
    histogram.counts.push_back(static_cast<double>(counts[bin]));
    histogram.count += histogram.counts.back();
  }
  return histogram;
}

// The numbers of the fields are those of the .proto files.

Event::Event(double wall_time, int64_t step)
    : fields_(double_field(1, wall_time) + int_field(2, step)) {}

Event Event::file_version(double wall_time) {
  Event event(wall_time, 0);
  event.fields_ += bytes_field(3, "brain.Event:2");
  return event;
}

Event Event::start(double wall_time, int64_t step) {
  Event event(wall_time, step);
  event.fields_ += bytes_field(7, int_field(1, 1));  // SessionLog: START
  return event;
}

void Event::add(const std::string& tag, const std::string& value) {
  summary_ += bytes_field(1, bytes_field(1, tag) + value);
}

void Event::add_scalar(const std::string& tag, double value) {
  add(tag, float_field(2, static_cast<float>(value)));
}

void Event::add_histogram(const std::string& tag, const Histogram& histogram) {
  add(tag,
      bytes_field(5, double_field(1, histogram.minimum) + double_field(2, histogram.maximum) +
                         double_field(3, histogram.count) + double_field(4, histogram.sum) +
                         double_field(5, histogram.sum_of_squares) +
                         doubles_field(6, histogram.limits) + doubles_field(7, histogram.counts)));
}

void Event::add_image(const std::string& tag, const data::Image& image) {
  const std::vector<uint8_t> png = data::encode_png(image);
  const std::string_view bytes(reinterpret_cast<const char*>(png.data()), png.size());
  add(tag, bytes_field(4, int_field(1, image.height) + int_field(2, image.width) +
                              int_field(3, image.channels) + bytes_field(4, bytes)));
}

void Event::add_text(const std::string& tag, const std::string& markdown) {
  constexpr int64_t kString = 7;
  const std::string tensor = int_field(1, kString) + bytes_field(2, "") + bytes_field(8, markdown);
  const std::string metadata = bytes_field(1, bytes_field(1, "text"));
  add(tag, bytes_field(8, tensor) + bytes_field(9, metadata));
}

std::string Event::record() const {
  const std::string event = empty() ? fields_ : fields_ + bytes_field(5, summary_);
  const std::string length = little_endian(uint64_t{event.size()});
  return length + little_endian(masked_crc(length)) + event + little_endian(masked_crc(event));
}

int64_t read_events(const std::filesystem::path& path,
                    const std::function<bool(const EventContent&)>& take) {
  constexpr size_t kBefore = 12, kAfter = 4;  // of a record around its Event
  constexpr uint64_t kLongest = uint64_t{1} << 30;
  std::ifstream file(path, std::ios::binary);
  if (!file) return -1;
  std::string before(kBefore, '\0'), event;
  for (int64_t end = 0;;) {
    if (!file.read(before.data(), kBefore)) return end;
    const auto length = number_at<uint64_t>(before.data());
    if (number_at<uint32_t>(before.data() + 8) != masked_crc({before.data(), 8}) ||
        length > kLongest)
      return end;
    event.resize(length + kAfter);
    if (!file.read(event.data(), static_cast<std::streamsize>(event.size()))) return end;
    const std::string_view content(event.data(), length);
    if (number_at<uint32_t>(event.data() + length) != masked_crc(content) ||
        !take(content_of(content)))
      return end;
    end += static_cast<int64_t>(kBefore + length + kAfter);
  }
}

}  // namespace swin::trainers
