#include "data/batch_order.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/data/sized_images.h"

namespace swin::data {
namespace {

TEST(GroupedOrder, BatchesAreOfOneKind) {
  for (const int64_t images : {1, 7, 40, 101})
    for (const int64_t batch_size : {1, 4, 8}) {
      SCOPED_TRACE(testing::Message() << images << " " << batch_size);
      const auto is_wide = [](int64_t i) { return i % 3 == 0; };
      const base::Permutation shuffled(static_cast<uint64_t>(images), base::Random(1, "any"));
      std::vector<std::vector<uint64_t>> orders;
      for (const uint64_t epoch : {0, 0, 1}) {
        const GroupedOrder order(shuffled, images, batch_size, base::Random(2, "groups", epoch),
                                 is_wide);
        std::vector<uint64_t> all;
        for (int64_t place = 0; place < images; ++place)
          all.push_back(order(static_cast<uint64_t>(place)));
        EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
        int64_t mixed = 0;
        for (int64_t first = 0; first + batch_size <= images; first += batch_size) {
          const auto begin = all.begin() + first;
          const auto wide = std::count_if(begin, begin + batch_size, [&](uint64_t i) {
            return is_wide(static_cast<int64_t>(i));
          });
          mixed += wide > 0 && wide < batch_size;
        }
        EXPECT_LE(mixed, 1);
        orders.push_back(all);
      }
      EXPECT_EQ(orders[0], orders[1]);
      if (images > 40) {
        EXPECT_NE(orders[0], orders[2]);
      }
    }
}

TEST(ImageSizes, ReadEachImageOnce) {
  SizedImages set({{3, 4}, {5, 5}, {6, 7}});
  set.no_header = {1};
  ImageSizes sizes(set);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(sizes.find(0), (base::Size2{3, 4}));
    EXPECT_EQ(sizes.find(1), std::nullopt);
    EXPECT_TRUE(sizes.is_wide(2));
    EXPECT_FALSE(sizes.is_wide(1));
  }
  EXPECT_EQ(set.sizes_read, 3);
}

}  // namespace
}  // namespace swin::data
