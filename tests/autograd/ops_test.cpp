// Every row of the oracle's table in every mode, one op at a time, with every instruction set.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <set>

#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"
#include "tests/support/places.h"

namespace swin::oracle {
namespace {

using test::for_each_isa;

// Inputs with up to kEveryCoordinate elements are differentiated in every coordinate, larger ones
// in kSampled random coordinates.
constexpr int64_t kEveryCoordinate = 260, kSampled = 24, kDirections = 3;

class OpTest : public testing::TestWithParam<std::string> {
 protected:
  const OpRow& row() const {
    for (const OpRow& row : op_table())
      if (row.op == GetParam()) return row;
    throw std::runtime_error("no row " + GetParam());
  }

 private:
  EngineState state_;
};

Array random_dy(const Array& y, uint64_t seed) { return random_array(shape_of(y.shape), seed); }

void expect_close(const OpRow& row, const Array& got, const Array& want) {
  EXPECT_LE(distance(got, want), row.forward_tolerance() * std::max(row.scale, largest(want)));
}

// The slow references and their differences are computed once for all sets.
void check_forward(const OpRow& row, const OpCase& c) {
  SCOPED_TRACE(row.op + " " + c.name);
  const std::vector<Array> inputs = random_inputs(c, 1);
  const Array want = c.reference(inputs);
  for_each_isa([&](base::Isa) {
    const Outcome outcome = run(c, inputs, {}, 0);
    ASSERT_EQ(outcome.y.shape, want.shape);
    expect_close(row, outcome.y, want);
  });
}

/// The gradients of one input, of each set.
struct IsaGradient {
  const char* isa;
  Array values;
  double size;  ///< what tolerances are relative to
};

void check_gradient(const OpRow& row, const OpCase& c, bool coordinates) {
  SCOPED_TRACE(row.op + " " + c.name);
  const std::vector<Array> inputs = random_inputs(c, 2);
  const Array dy = random_dy(c.reference(inputs), 3);
  std::vector<std::vector<IsaGradient>> all(inputs.size());
  for_each_isa([&](base::Isa isa) {
    Outcome outcome = run(c, inputs, dy, all_gradients(c));
    for (size_t which = 0; which < inputs.size(); ++which) {
      if (!c.inputs[which].differentiable) continue;
      Array& gradient = outcome.gradients[which];
      ASSERT_EQ(gradient.shape, inputs[which].shape) << "input " << which;
      const double size = std::max(row.scale, largest(gradient));
      all[which].push_back({base::isa_name(isa), std::move(gradient), size});
    }
  });
  for (size_t which = 0; which < inputs.size(); ++which) {
    if (all[which].empty()) continue;
    SCOPED_TRACE("input " + std::to_string(which));
    const int64_t n = inputs[which].numel();
    if (coordinates) {
      const bool every = n <= kEveryCoordinate;
      const base::Random sample(4, which);
      for (int64_t s = 0; s < (every ? n : kSampled); ++s) {
        const int64_t i =
            every ? s : sample.below(static_cast<uint64_t>(s), static_cast<uint32_t>(n));
        Array direction(inputs[which].shape);
        direction[i] = 1;
        const double want = directional_difference(c, inputs, which, direction, dy);
        for (const IsaGradient& gradient : all[which])
          ASSERT_NEAR(gradient.values[i], want, row.gradient_tolerance() * gradient.size)
              << gradient.isa << ", coordinate " << i;
      }
    }
    // Random directions involve every coordinate at once.
    for (int64_t d = 0; d < (coordinates ? kDirections : 1); ++d) {
      const Array direction = random_array(c.inputs[which].shape, 50 + static_cast<uint64_t>(d));
      const double want = directional_difference(c, inputs, which, direction, dy);
      for (const IsaGradient& gradient : all[which]) {
        double along = 0, squares = 0;
        for (int64_t i = 0; i < n; ++i) {
          const double part = gradient.values[i] * direction[i];
          along += part;
          squares += part * part;
        }
        EXPECT_NEAR(along, want,
                    row.gradient_tolerance() * std::max(gradient.size, 3 * std::sqrt(squares)))
            << gradient.isa << ", direction " << d;
      }
    }
  }
}

TEST_P(OpTest, Forward) {
  for (const OpCase& c : row().cases) check_forward(row(), c);
  for (const OpCase& c : row().parallel) check_forward(row(), c);
}

TEST_P(OpTest, Gradient) {
  for (const OpCase& c : row().cases) check_gradient(row(), c, true);
}

TEST_P(OpTest, GradientOfLargeShapes) {
  for (const OpCase& c : row().parallel) check_gradient(row(), c, false);
}

TEST_P(OpTest, StoresThenAdds) {
  for (const OpCase& c : row().cases) {
    SCOPED_TRACE(c.name);
    const std::vector<Array> inputs = random_inputs(c, 5);
    const Array dy = random_dy(c.reference(inputs), 6);
    for_each_isa([&](base::Isa) {
      const Outcome once = run(c, inputs, dy, all_gradients(c));
      for (const Repeat repeat : {Repeat::backward_twice, Repeat::two_consumers}) {
        const Outcome twice = run(c, inputs, dy, all_gradients(c), repeat);
        for (size_t i = 0; i < inputs.size(); ++i) {
          Array doubled = once.gradients[i];
          for (double& value : doubled.values) value *= 2;
          expect_close(row(), twice.gradients[i], doubled);
        }
      }
    });
  }
}

TEST_P(OpTest, EverySubsetOfInputs) {
  for (const OpCase& c : row().cases) {
    SCOPED_TRACE(c.name);
    const std::vector<Array> inputs = random_inputs(c, 7);
    const Array dy = random_dy(c.reference(inputs), 8);
    const unsigned all = all_gradients(c);
    for_each_isa([&](base::Isa) {
      const Outcome full = run(c, inputs, dy, all);
      for (unsigned needs = 0; needs <= all; ++needs) {
        if ((needs & ~all) != 0) continue;
        const Outcome some = run(c, inputs, dy, needs);
        EXPECT_EQ(some.y.values, full.y.values);
        for (size_t i = 0; i < inputs.size(); ++i) {
          const bool needed = (needs >> i & 1u) != 0;
          EXPECT_EQ(some.gradients[i].values,
                    needed ? full.gradients[i].values : std::vector<double>())
              << "input " << i << " of subset " << needs;
        }
      }
    });
  }
}

TEST_P(OpTest, ThreadsDoNotShowInTheBits) {
  std::vector<OpCase> cases = row().parallel;
  cases.insert(cases.end(), row().cases.begin(), row().cases.end());
  for (const OpCase& c : cases) {
    SCOPED_TRACE(c.name);
    const std::vector<Array> inputs = random_inputs(c, 9);
    for_each_isa([&](base::Isa) {
      Outcome first;
      Array dy;
      for (const int threads : {1, 2, 3, 5}) {
        base::set_num_threads(threads);
        if (dy.values.empty()) dy = random_dy(run(c, inputs, {}, 0).y, 10);
        const Outcome outcome = run(c, inputs, dy, all_gradients(c));
        if (threads == 1) {
          first = outcome;
          continue;
        }
        EXPECT_EQ(outcome.y.values, first.y.values) << threads << " threads";
        for (size_t i = 0; i < inputs.size(); ++i)
          EXPECT_EQ(outcome.gradients[i].values, first.gradients[i].values)
              << threads << " threads, input " << i;
      }
    });
  }
}

TEST_P(OpTest, DryRunCountsAndTouchesNothing) {
  std::vector<OpCase> cases = row().parallel;
  cases.insert(cases.end(), row().cases.begin(), row().cases.end());
  for (const OpCase& c : cases) {
    SCOPED_TRACE(c.name);
    const reference::Dims want = c.reference(random_inputs(c, 1)).shape;
    const base::PoolStatistics before = base::pool_statistics();
    {
      const base::DryRun dry;
      std::vector<Tensor> inputs;
      for (const Input& input : c.inputs) {
        const Tensor x(input.shape);
        ASSERT_EQ(x.data(), nullptr);
        inputs.push_back(input.differentiable ? x.as_leaf() : x);
      }
      autograd::Tape tape;
      Tensor y;
      {
        const autograd::Tape::Recording recording(tape);
        y = c.call(inputs);
      }
      EXPECT_EQ(dims_of(y.shape()), want);
      EXPECT_EQ(y.data(), nullptr);
      EXPECT_GT(base::pool_statistics().bytes_in_use, 0u);
      EXPECT_GE(base::pool_statistics().peak_bytes, static_cast<size_t>(y.numel()) * sizeof(real));
      if (tape.nodes().empty()) continue;
      tape.backward(y, Tensor(y.shape()));
      for (size_t i = 0; i < inputs.size(); ++i) {
        EXPECT_EQ(inputs[i].gradient().written(), c.inputs[i].differentiable);
        EXPECT_EQ(inputs[i].gradient().data(), nullptr);
      }
    }
    EXPECT_EQ(base::pool_statistics().blocks_made, before.blocks_made);
    EXPECT_EQ(base::pool_statistics().bytes_in_use, before.bytes_in_use);
  }
}

TEST_P(OpTest, RejectsShapesThatDoNotFit) {
  for (const Reject& reject : row().rejects) {
    try {
      reject.call();
      ADD_FAILURE() << "accepted what must fail with: " << reject.says;
    } catch (const base::ShapeError& error) {
      EXPECT_NE(std::string(error.what()).find(reject.says), std::string::npos)
          << "said: " << error.what() << "\nexpected: " << reject.says;
      EXPECT_EQ(std::string(error.what()).find(row().op + ": found "), 0u)
          << "said: " << error.what();
    }
  }
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpRow& row : op_table()) names.push_back(row.op);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Ops, OpTest, testing::ValuesIn(op_names()),
                         [](const auto& test) { return test.param; });

// Fails for an op without a row and for a row without an op.
TEST(OpTable, HasARowForEveryOpOfTheIndex) {
  // Declarations start their lines: "Tensor name(".
  std::multiset<std::string> declared, rows;
  for (const char* header : {"ops.h", "losses.h", "regions.h", "residual.h"}) {
    std::ifstream file(swin::test::source_dir() + "/autograd/ops/" + header);
    for (std::string line; std::getline(file, line);) {
      const size_t open = line.find('(');
      if (line.empty() || std::isalpha(static_cast<unsigned char>(line[0])) == 0) continue;
      if (open == std::string::npos) continue;
      EXPECT_TRUE(line.starts_with("Tensor ")) << "not an op: " << line;
      declared.insert(line.substr(7, open - 7));
    }
  }
  for (const OpRow& row : op_table()) rows.insert(row.op);
  EXPECT_GE(declared.size(), 30u);
  EXPECT_EQ(declared, rows);
}

TEST(OpTable, EveryRowStatesWhatItNeeds) {
  for (const OpRow& row : op_table()) {
    EXPECT_GE(row.cases.size(), 4u) << row.op;
    const bool differentiable = !row.cases.front().inputs.empty();
    EXPECT_EQ(row.parallel.empty(), !differentiable) << row.op;
    static const std::set<std::string> takes_any_shape = {"scale", "exp",     "gelu",
                                                          "relu",  "sigmoid", "attention_mask"};
    EXPECT_EQ(row.rejects.empty(), takes_any_shape.count(row.op) > 0) << row.op;
  }
}

}  // namespace
}  // namespace swin::oracle
