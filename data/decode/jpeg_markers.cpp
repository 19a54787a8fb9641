#include "data/decode/jpeg_markers.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace swin::data {
namespace {

constexpr uint8_t kStartOfImage = 0xD8, kEndOfImage = 0xD9, kStartOfScan = 0xDA, kApp0 = 0xE0,
                  kApp14 = 0xEE;

bool is_restart(uint8_t marker) { return marker >= 0xD0 && marker <= 0xD7; }
bool is_sequential(uint8_t frame) { return frame == 0xC0 || frame == 0xC1 || frame == 0xC9; }

// Walks from marker to marker, copying and correcting.
class Walk {
 public:
  explicit Walk(std::span<const uint8_t> jpeg) : jpeg_(jpeg) { out_.reserve(jpeg.size()); }

  std::vector<uint8_t> run() {
    if (jpeg_.size() < 4 || jpeg_[0] != 0xFF || jpeg_[1] != kStartOfImage) return {};
    copy(2);
    while (const uint8_t marker = next_marker()) {
      if (marker == kEndOfImage) break;
      if (is_restart(marker) || marker == 0x01) continue;  // markers without a segment
      if (!copy_segment(marker)) break;
      if (marker == kStartOfScan) copy_scan();
    }
    copy(jpeg_.size() - at_);
    if (adobe_ != 0 && components_ >= 3) {
      const uint8_t transform = components_ == 4 ? 2 : 1;
      if (out_[adobe_] != 0) set(adobe_, transform);
    }
    return changed_ ? std::move(out_) : std::vector<uint8_t>{};
  }

 private:
  void copy(size_t count) {
    const auto from = jpeg_.subspan(at_, count);
    out_.insert(out_.end(), from.begin(), from.end());
    at_ += count;
  }

  void set(size_t offset, uint8_t value) {
    changed_ |= out_[offset] != value;
    out_[offset] = value;
  }

  // Copies the next marker, without the bytes before it. @return 0 if there is none.
  uint8_t next_marker() {
    const size_t before = at_;
    for (; at_ + 1 < jpeg_.size(); ++at_) {
      const uint8_t marker = jpeg_[at_ + 1];
      if (jpeg_[at_] != 0xFF || marker == 0 || marker == 0xFF) continue;
      const auto is_garbage = [](uint8_t byte) { return byte != 0xFF; };  // 0xFF: a fill byte
      changed_ |= std::ranges::any_of(jpeg_.subspan(before, at_ - before), is_garbage);
      copy(2);
      return marker;
    }
    return 0;
  }

  // Copies and corrects the segment of a marker. @return false if the file ends within it.
  bool copy_segment(uint8_t marker) {
    if (at_ + 2 > jpeg_.size()) return false;
    const auto length = static_cast<size_t>(jpeg_[at_] << 8 | jpeg_[at_ + 1]);
    if (length < 2 || at_ + length > jpeg_.size()) return false;
    const size_t data = out_.size() + 2, size = length - 2;
    const auto begins = [&](std::string_view text) {
      return std::ranges::equal(text, jpeg_.subspan(at_ + 2, std::min(size, text.size())), {},
                                [](char c) { return static_cast<uint8_t>(c); });
    };
    const bool jfif = marker == kApp0 && size >= 14 && begins({"JFIF\0", 5});
    const bool adobe = marker == kApp14 && size >= 12 && begins("Adobe");
    copy(length);
    if (jfif) set(data + 5, 1);
    if (adobe) adobe_ = data + 11;
    if (is_frame(marker) && size >= 6) {
      frame_ = marker;
      components_ = out_[data + 5];
    }
    if (marker == kStartOfScan && is_sequential(frame_) && size >= 4) {
      const size_t spectral = out_.size() - 3;
      set(spectral, 0);
      set(spectral + 1, 63);
      set(spectral + 2, 0);
    }
    return true;
  }

  // Copies up to the next marker that is not a restart.
  void copy_scan() {
    size_t end = at_;
    while (end + 1 < jpeg_.size() &&
           (jpeg_[end] != 0xFF || jpeg_[end + 1] == 0 || is_restart(jpeg_[end + 1])))
      ++end;
    copy(end - at_);
  }

  std::span<const uint8_t> jpeg_;
  std::vector<uint8_t> out_;
  size_t at_ = 0;
  size_t adobe_ = 0;  // offset of the color transform in out_; 0: none
  uint8_t frame_ = 0, components_ = 0;
  bool changed_ = false;
};

}  // namespace

bool is_frame(uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::vector<JpegSegment> jpeg_segments(std::span<const uint8_t> jpeg) {
  std::vector<JpegSegment> segments;
  size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at] == 0xFF) {
    const uint8_t marker = jpeg[at + 1];
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    if (marker == kEndOfImage || marker == kStartOfScan) break;
    const size_t length = jpeg[at + 2] * 256u + jpeg[at + 3];
    if (length < 2 || length > jpeg.size() - at - 2) break;
    segments.push_back({marker, jpeg.subspan(at + 4, length - 2)});
    at += 2 + length;
  }
  return segments;
}

std::vector<uint8_t> without_oddities(std::span<const uint8_t> jpeg) { return Walk(jpeg).run(); }

}  // namespace swin::data
