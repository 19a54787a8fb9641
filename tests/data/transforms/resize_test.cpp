#include "data/transforms/kernels/resize.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/data/test_files.h"
#include "tests/data/transforms/whole_resize.h"
#include "tests/support/isas.h"

namespace swin::data {
namespace {

Interpolation interpolation_of(const std::string& name) {
  return name == "bilinear"  ? Interpolation::bilinear
         : name == "bicubic" ? Interpolation::bicubic
                             : Interpolation::lanczos;
}

// A row of resize_goldens.txt: a box of a noise image, and the result of Pillow 13.
struct Case {
  int64_t height, width, channels, top, left, box_height, box_width, new_height, new_width;
  Interpolation interpolation;
  std::string sha256, text;
  const uint8_t* box(const Bytes& image) const {
    return image.data() + (top * width + left) * channels;
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& row : read_table("resize_goldens.txt")) {
    std::array<int64_t, 9> n;
    std::string text;
    for (size_t i = 0; i < n.size(); ++i) n[i] = std::stoll(row[i]);
    for (const std::string& word : row) text += word + " ";
    all.push_back({n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], interpolation_of(row[9]),
                   row[10], text});
  }
  return all;
}

TEST(Resize, EqualsPillowOnEveryByte) {
  Bytes scratch;
  for (const Case& c : cases()) {
    const Bytes from = noise(c.height * c.width * c.channels);
    Bytes to(static_cast<size_t>(c.new_height * c.new_width * c.channels));
    test::for_each_isa([&](base::Isa) {
      kernels::resize(c.box(from), c.box_height, c.box_width, c.channels, c.new_height, c.new_width,
                      c.interpolation, to.data(), scratch, c.width * c.channels);
      EXPECT_EQ(sha256_of(to), c.sha256) << c.text;
    });
  }
}

// A copy of bytes between two pages that may not be touched: right after one or right before the
// other.
class Guarded {
 public:
  Guarded(const Bytes& bytes, bool at_end)
      : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        inner_((bytes.size() + page_ - 1) / page_ * page_),
        all_(static_cast<uint8_t*>(
            mmap(nullptr, inner_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    mprotect(all_ + page_, inner_, PROT_READ | PROT_WRITE);
    begin_ = all_ + page_ + (at_end ? inner_ - bytes.size() : 0);
    std::memcpy(begin_, bytes.data(), bytes.size());
  }
  ~Guarded() { munmap(all_, inner_ + 2 * page_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  const uint8_t* data() const { return begin_; }

 private:
  size_t page_, inner_;
  uint8_t *all_, *begin_;
};

TEST(Resize, ReadsNothingAroundTheImage) {
  Bytes scratch;
  for (const Case& c : cases()) {
    const Bytes image = noise(c.height * c.width * c.channels);
    // From the first byte of the box to the last one.
    const size_t bytes =
        static_cast<size_t>(((c.box_height - 1) * c.width + c.box_width) * c.channels);
    const Bytes from(c.box(image), c.box(image) + bytes);
    for (const bool at_end : {false, true}) {
      const Guarded guarded(from, at_end);
      Bytes to(static_cast<size_t>(c.new_height * c.new_width * c.channels));
      kernels::resize(guarded.data(), c.box_height, c.box_width, c.channels, c.new_height,
                      c.new_width, c.interpolation, to.data(), scratch, c.width * c.channels);
      EXPECT_EQ(sha256_of(to), c.sha256) << c.text;
    }
  }
}

TEST(Resize, AWindowIsAPartOfTheWholeResult) {
  Bytes scratch;
  for (const Case& c : cases()) {
    const Bytes from = noise(c.height * c.width * c.channels);
    Bytes whole(static_cast<size_t>(c.new_height * c.new_width * c.channels));
    kernels::resize(c.box(from), c.box_height, c.box_width, c.channels, c.new_height, c.new_width,
                    c.interpolation, whole.data(), scratch, c.width * c.channels);
    const kernels::Window windows[] = {
        {0, 0, 1, 1},
        {c.new_height - 1, c.new_width - 1, 1, 1},
        {c.new_height / 3, c.new_width / 4, (c.new_height + 1) / 2, (c.new_width + 2) / 3}};
    for (const kernels::Window& w : windows) {
      Bytes part(static_cast<size_t>(w.height * w.width * c.channels)), expected;
      for (int64_t y = w.top; y < w.top + w.height; ++y) {
        const auto row = whole.begin() + (y * c.new_width + w.left) * c.channels;
        expected.insert(expected.end(), row, row + w.width * c.channels);
      }
      kernels::resize_window(c.box(from), c.box_height, c.box_width, c.channels, c.new_height,
                             c.new_width, w, c.interpolation, part.data(), scratch,
                             c.width * c.channels);
      EXPECT_EQ(part, expected) << c.text << w.top << " " << w.left;
    }
  }
}

TEST(Resize, KeepsAConstantImage) {
  Bytes scratch;
  for (const uint8_t value : {0, 1, 127, 255}) {
    const Bytes from(31 * 17 * 3, value);
    Bytes to(64 * 9 * 3);
    for (const auto kind :
         {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos}) {
      kernels::resize(from.data(), 31, 17, 3, 64, 9, kind, to.data(), scratch);
      EXPECT_EQ(to, Bytes(to.size(), value));
    }
  }
}

}  // namespace
}  // namespace swin::data
