#include "trainers/explain/forward.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "layers/network.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {

using autograd::OpDone;
using tasks::Detail;

namespace {

// Whether a path is `name`, or ends in it where the model is part of a larger one ("backbone.…").
bool ends_in(std::string_view path, std::string_view name) {
  if (!path.ends_with(name)) return false;
  const size_t before = path.size() - name.size();
  return before == 0 || path[before - 1] == '.';
}

// The kernel of a layer: its output and its table of position biases.
class WatchKernel : public autograd::ForwardObserver {
 public:
  WatchKernel(std::string layer, SeenAttention& seen) : layer_(std::move(layer)), seen_(seen) {}
  void op_done(const OpDone& done) override {
    const std::string_view op = done.op;
    if ((op != "window_attention" && op != "attention") || !ends_in(done.path, layer_)) return;
    seen_.fused = done.y;
    if (op == "window_attention") seen_.table = done.inputs[1].detached();
  }

 private:
  const std::string layer_;
  SeenAttention& seen_;
};

// Under PlainOps: the softmax of a layer, and the product that it goes into.
class WatchSoftmax : public autograd::ForwardObserver {
 public:
  WatchSoftmax(std::string layer, SeenAttention& seen) : layer_(std::move(layer)), seen_(seen) {}
  void op_done(const OpDone& done) override {
    if (!ends_in(done.path, layer_)) return;
    const std::string_view op = done.op;
    if (op == "softmax") seen_.probabilities = done.y;
    if (op == "matmul" && seen_.probabilities.defined() &&
        done.inputs[0].data() == seen_.probabilities.data())
      seen_.values = done.inputs[1];
  }

 private:
  const std::string layer_;
  SeenAttention& seen_;
};

// The output of a layer's norm.
class WatchNorm : public autograd::ForwardObserver {
 public:
  explicit WatchNorm(std::string layer) : layer_(std::move(layer)) {}
  void op_done(const OpDone& done) override {
    if (std::string_view(done.op) == "layer_norm" && ends_in(done.path, layer_)) y = done.y;
  }
  Tensor y;

 private:
  const std::string layer_;
};

// The gradient of a tensor, when the node that made it has run.
class WatchGradient : public autograd::Observer {
 public:
  explicit WatchGradient(const Tensor& y) : y_(y) {}
  void node_done(const autograd::Node& node, double) override {
    if (node.output.id() != y_.gradient().id()) return;
    const real* data = node.output.data();
    values.assign(data, data + node.output.numel());
  }
  std::vector<real> values;

 private:
  const Tensor& y_;
};

// Under PlainOps: the mean over the heads of every attention, in the order of the blocks.
class WatchHeads : public autograd::ForwardObserver {
 public:
  void op_done(const OpDone& done) override {
    if (std::string_view(done.op) != "softmax" || !done.path.ends_with(".attn")) return;
    const int64_t heads = done.y.dim(1), size = done.y.dim(2) * done.y.dim(3);
    std::vector<double>& mean = blocks.emplace_back(static_cast<size_t>(size));
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < size; ++i)
        mean[static_cast<size_t>(i)] +=
            static_cast<double>(done.y.data()[h * size + i]) / static_cast<double>(heads);
  }
  std::vector<std::vector<double>> blocks;
};

bool has_class_token(const layers::ModelConfig& model) {
  return model.name == "vit" && model.global_pool == "token";
}

}  // namespace

void require_finite(const std::string& where, const std::string& what, const Tensor& values) {
  const std::span<const real> all(values.data(), static_cast<size_t>(values.numel()));
  if (std::ranges::all_of(all, [](real value) { return std::isfinite(value); })) return;
  throw base::DivergedError(
      where, "found values in " + what + " that are NaN or infinite, expected finite numbers",
      "take a checkpoint from before the training diverged");
}

void require_finite(const std::string& checkpoint, const layers::Parameters& weights) {
  for (size_t i = 0; i < weights.size(); ++i)
    require_finite(checkpoint, "the weight " + weights[i].name, weights[i].tensor);
}

std::string block_path(const layers::ModelConfig& model, BlockPlace place) {
  const std::string stage = layers::stage_path(model, place.stage);
  return stage + (model.name == "vit" ? "." : ".blocks.") + std::to_string(place.block);
}

ModelInput input_of(const Config& config, const data::Image& image) {
  const data::Preprocess preprocess = preprocess_of(config);
  ModelInput input;
  input.prepared = data::preprocess_image(image, preprocess);
  const auto [height, width] = input.prepared.padded_size;
  input.geometry = data::fit({image.height, image.width}, preprocess);
  data::Image visible, cut;
  std::vector<uint8_t> scratch;
  data::crop(
      data::resize_visible(input.geometry, image, preprocess.interpolation, visible, scratch),
      data::window_corner(input.geometry), height, width, cut);
  data::convert_channels(cut, 3, input.seen);
  input.images = Tensor::from({1, height, width, image.channels}, input.prepared.pixels);
  return input;
}

SeenAttention see_attention(const tasks::Task& task, const ModelInput& input, BlockPlace place) {
  const std::string layer = block_path(task.model_config(), place) + ".attn";
  SeenAttention seen;
  {
    const autograd::OpByOp op_by_op;
    const WatchKernel watch(layer, seen);
    task.outputs(input.images, Detail::everything, input.info());
  }
  {
    const autograd::PlainOps plain;
    const WatchSoftmax watch(layer, seen);
    task.outputs(input.images, Detail::everything, input.info());
  }
  if (!seen.fused.defined() || !seen.values.defined())
    throw base::InternalError(layer, "found no attention, expected one");
  return seen;
}

std::vector<float> attention_output(const SeenAttention& seen, const WindowLayout& layout) {
  const Tensor &p = seen.probabilities, &v = seen.values;
  const int64_t windows = p.dim(0), heads = p.dim(1), tokens = p.dim(2), head_dim = v.dim(3);
  const bool global =
      windows == 1 && tokens != layout.tokens();  // a class token stands before them
  const std::vector<int32_t> rows = global ? std::vector<int32_t>() : autograd::window_rows(layout);
  std::vector<float> y(static_cast<size_t>(windows * tokens * heads * head_dim));
  for (int64_t w = 0; w < windows; ++w)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < tokens; ++i) {
        const int64_t row = global ? i : rows[static_cast<size_t>(w * tokens + i)];
        const int64_t first = (w * heads + h) * tokens;
        for (int64_t d = 0; d < head_dim; ++d) {
          double sum = 0;
          for (int64_t j = 0; j < tokens; ++j)
            sum += static_cast<double>(p.data()[(first + i) * tokens + j]) *
                   static_cast<double>(v.data()[(first + j) * head_dim + d]);
          y[static_cast<size_t>((row * heads + h) * head_dim + d)] = static_cast<float>(sum);
        }
      }
  return y;
}

double difference_to_kernel(const SeenAttention& seen, const WindowLayout& layout) {
  const std::vector<float> y = attention_output(seen, layout);
  double largest = 0, difference = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const auto fused = static_cast<double>(seen.fused.data()[i]);
    largest = std::max(largest, std::abs(fused));
    difference = std::max(difference, std::abs(fused - static_cast<double>(y[i])));
  }
  return largest > 0 ? difference / largest : difference;
}

ClassMap class_map(const tasks::Task& classifier, const ModelInput& input,
                   std::optional<int64_t> class_index) {
  const layers::ModelConfig& model = classifier.model_config();
  const int64_t stage = model.num_stages() - 1;
  ClassMap map;
  map.layer = block_path(model, {stage, model.depths[static_cast<size_t>(stage)] - 1}) +
              (has_class_token(model) ? ".norm1" : ".norm2");
  autograd::Tape tape;
  WatchNorm norm(map.layer);
  {
    // With a gradient of the images all that follows has one, and the tape keeps it.
    const autograd::OpByOp op_by_op;
    const autograd::Tape::Recording recording(tape);
    map.outputs = classifier.outputs(input.images.as_leaf(), Detail::answers, input.info());
  }
  const Tensor& logits = tasks::output(map.outputs, "logits");
  const real* first = logits.data();
  map.class_index = class_index.value_or(std::max_element(first, first + logits.numel()) - first);
  map.logit = static_cast<double>(first[map.class_index]);
  Tensor chosen = Tensor::filled(logits.shape(), 0);
  chosen.mutable_data()[map.class_index] = 1;
  WatchGradient gradient(norm.y);
  tape.backward(logits, chosen, &gradient);

  const Tensor& y = norm.y;  // (1, H, W, C), or (1, N, C)
  const int64_t channels = y.dim(-1), rows = y.numel() / channels,
                skipped = has_class_token(model) ? 1 : 0;
  map.map = y.rank() == 4 ? Size2{y.dim(1), y.dim(2)} : layers::stage_map(model, 0);
  std::vector<double> weights(static_cast<size_t>(channels));
  for (int64_t i = skipped; i < rows; ++i)
    for (int64_t c = 0; c < channels; ++c)
      weights[static_cast<size_t>(c)] +=
          static_cast<double>(gradient.values[static_cast<size_t>(i * channels + c)]) /
          static_cast<double>(rows - skipped);
  for (int64_t i = skipped; i < rows; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c)
      sum += weights[static_cast<size_t>(c)] * static_cast<double>(y.data()[i * channels + c]);
    map.values.push_back(std::max(sum, 0.0));
  }
  return map;
}

std::vector<double> attention_rollout(const tasks::Task& classifier, const ModelInput& input) {
  WatchHeads heads;
  {
    const autograd::PlainOps plain;
    classifier.outputs(input.images, Detail::answers, input.info());
  }
  const size_t skipped = has_class_token(classifier.model_config()) ? 1 : 0;
  const auto tokens =
      static_cast<size_t>(std::lround(std::sqrt(static_cast<double>(heads.blocks.at(0).size()))));
  // One row of the product, from the last block to the first.
  std::vector<double> row(tokens, skipped ? 0.0 : 1 / static_cast<double>(tokens));
  if (skipped) row[0] = 1;
  for (auto block = heads.blocks.rbegin(); block != heads.blocks.rend(); ++block) {
    std::vector<double> next(tokens);
    for (size_t i = 0; i < tokens; ++i)
      for (size_t j = 0; j < tokens; ++j)
        next[j] += row[i] * ((*block)[i * tokens + j] + (i == j ? 1 : 0)) / 2;
    row = std::move(next);
  }
  return {row.begin() + static_cast<std::ptrdiff_t>(skipped), row.end()};
}

}  // namespace swin::trainers
