#include "layers/model.h"

#include "base/errors.h"
#include "base/text.h"
#include "layers/swin_transformer.h"
#include "layers/vision_transformer.h"

namespace swin::layers {

namespace {

template <class T>
std::unique_ptr<Network> make(const Scope& scope, const ModelConfig& config) {
  return std::make_unique<T>(scope, config);
}

struct Architecture {
  const char* name;
  std::unique_ptr<Network> (*make)(const Scope&, const ModelConfig&);
};
constexpr Architecture kFactories[] = {
    {"swin", make<SwinTransformer>},
    {"swin_v2", make<SwinTransformer>},
    {"swin_mlp", make<SwinTransformer>},
    {"vit", make<VisionTransformer>},
};

std::unique_ptr<Network> make_network(const Scope& scope, const ModelConfig& config) {
  for (const Architecture& architecture : kFactories)
    if (architecture.name == config.name) return architecture.make(scope, config);
  const std::vector<std::string> names(std::begin(kArchitectures), std::end(kArchitectures));
  throw base::UsageError("model.name", "found \"" + config.name + "\", expected one of " +
                                           base::listing(names, names.size()));
}

}  // namespace

Model::Model(const ModelConfig& config, uint64_t seed, bool with_gradients)
    : config_(config), network_(make_network(Scope(parameters_), config)) {
  parameters_.allocate(with_gradients);
  parameters_.initialize(seed);
}

}  // namespace swin::layers
