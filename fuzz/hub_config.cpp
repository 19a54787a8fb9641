// The input is a config.json of Hugging Face or timm, and a preprocessor_config.json. What is read
// of pre-processing must be what a config's preprocess section accepts.
#include "weights/hub_config.h"

#include "fuzz/check.h"

namespace {

void check(const swin::weights::Preprocess& preprocess) {
  using swin::fuzz::require;
  require(preprocess.resize.has_value() != preprocess.crop_pct.has_value());
  require(!preprocess.interpolation.empty());
  for (const double mean : preprocess.mean) require(mean >= 0 && mean <= 1);
  for (const double std : preprocess.std) require(std > 0 && std <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  swin::fuzz::run([&] {
    const swin::weights::HubConfig config = swin::weights::read_hub_config(text, "input");
    for (const std::string& name : config.class_names) swin::fuzz::require(!name.empty());
    if (config.preprocess) check(*config.preprocess);
  });
  return swin::fuzz::run([&] {
    check(swin::weights::read_processor_config(text, "input"));
  });
}
