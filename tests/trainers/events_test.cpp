// Event files: the bytes that TensorBoard's own classes write, and reading back what is whole.
#include "trainers/report/events.h"

#include <cmath>
#include <limits>

#include "data/decode/decode.h"
#include "tests/support/places.h"
#include "tests/support/temporary_directory.h"

namespace swin::trainers {
namespace {

using swin::test::read_text;
using swin::test::TemporaryDirectory;

constexpr double kTime = 1700000000.25;

// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
TEST(Crc32c, EqualsPublishedValues) {
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising += static_cast<char>(i);
    falling += static_cast<char>(31 - i);
  }
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);
  EXPECT_EQ(crc32c(falling), 0x113FDB5Cu);
}

TEST(Histogram, CountsFiniteValuesInBinsOfEqualWidth) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values = {-1, 1, kNan, 0.5f, -0.5f, INFINITY};
  const Histogram histogram = histogram_of(values);
  EXPECT_EQ(histogram.minimum, -1);
  EXPECT_EQ(histogram.maximum, 1);
  EXPECT_EQ(histogram.count, 4);
  EXPECT_EQ(histogram.sum_of_squares, 2.5);
  ASSERT_EQ(histogram.counts.size(), 30u);
  for (size_t bin = 0; bin < 30; ++bin)
    EXPECT_EQ(histogram.counts[bin], bin == 0 || bin == 7 || bin == 22 || bin == 29) << bin;
  EXPECT_EQ(histogram_of(std::vector<float>{2, 2}).counts, std::vector<double>{2});
  EXPECT_TRUE(histogram_of(std::vector<float>{kNan}).counts.empty());
}

/// The file of scripts/reference/make_event_goldens.py.
std::string sample() {
  Event text(kTime, 0), scalars(kTime, 300), histograms(kTime, 300);
  text.add_text("config", "    {\n      \"name\": \"größe\"\n    }\n");
  scalars.add_scalar("train/loss", 0.1);
  scalars.add_scalar("lr", 0);
  histograms.add_histogram("parameters/a", histogram_of(std::vector<float>{-1, 1, 0.5f, -0.5f}));
  histograms.add_histogram("parameters/b", histogram_of(std::vector<float>{2, 2, 2}));
  return Event::file_version(kTime).record() + Event::start(kTime, 0).record() + text.record() +
         scalars.record() + histograms.record();
}

TEST(Event, HasTheBytesOfTensorBoardsOwnClasses) {
  EXPECT_EQ(sample(), read_text(swin::test::source_dir() +
                                "/tests/goldens/events/events.out.tfevents.1.swin"));
}

TEST(Event, HoldsAnImageAsPng) {
  data::Image image;
  image.reshape(2, 3, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 7);
  Event event(kTime, 1);
  EXPECT_TRUE(event.empty());
  event.add_image("validation/worst", image);
  const std::string record = event.record();
  const size_t begin = record.find("\x89PNG");
  ASSERT_NE(begin, std::string::npos);
  const std::string before("\x08\x02\x10\x03\x18\x03\x22", 7);  // height, width, channels, bytes
  EXPECT_NE(record.find(before), std::string::npos);
  const std::vector<uint8_t> png = data::encode_png(image);
  EXPECT_EQ(record.substr(begin, png.size()), std::string(png.begin(), png.end()));
}

struct Read {
  std::vector<EventContent> events;
  int64_t bytes = 0;
};

Read read(const TemporaryDirectory& directory, const std::string& bytes, int64_t last_step = 1000) {
  Read result;
  result.bytes = read_events(directory.write("events", bytes), [&](const EventContent& event) {
    if (event.step > last_step) return false;
    result.events.push_back(event);
    return true;
  });
  return result;
}

TEST(Event, IsReadBack) {
  const TemporaryDirectory directory;
  const std::string bytes = sample();
  const auto [events, end] = read(directory, bytes);
  EXPECT_EQ(end, std::ssize(bytes));
  ASSERT_EQ(events.size(), 5u);
  EXPECT_TRUE(events[1].starts && !events[0].starts && !events[2].starts);
  EXPECT_EQ(events[2].tags, std::vector<std::string>{"config"});
  EXPECT_EQ(events[3].tags, (std::vector<std::string>{"train/loss", "lr"}));
  EXPECT_EQ(events[3].step, 300);
  EXPECT_EQ(read(directory, bytes, 299).events.size(), 3u);
  EXPECT_EQ(read_events(directory / "absent", [](const EventContent&) { return true; }), -1);
}

// Wherever a file is cut, and whichever byte is damaged, the records before are found, no others.
TEST(Event, ACutOrDamagedRecordEndsTheFile) {
  const TemporaryDirectory directory;
  Event event(kTime, 7);
  event.add_scalar("lr", 1);
  const std::string good = Event::file_version(kTime).record(), last = event.record();
  for (size_t i = 0; i < last.size(); ++i) {
    EXPECT_EQ(read(directory, good + last.substr(0, i)).bytes, std::ssize(good)) << i;
    std::string damaged = last;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_EQ(read(directory, good + damaged).bytes, std::ssize(good)) << i;
  }
}

}  // namespace
}  // namespace swin::trainers
