// The dict of tensors in a file of torch.save that is the state dict. Part of files/torch_file.cpp.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "files/pickle.h"
#include "files/torch_file.h"

namespace swin::files {

struct StateDict {
  std::string key;  ///< "model", "checkpoint.model"; empty: the whole file
  std::vector<std::pair<std::string, const PickleValue*>> tensors;
  std::vector<std::string> ignored;
  std::vector<TorchFile::OtherSet> other_sets;
  std::vector<std::string> class_names;  ///< as TorchFile::class_names
};

/// @throws base::WeightError where there is none, several may be meant (all are listed), `choice`
/// names none, or a name cannot be shown or is there twice.
StateDict find_state_dict(const Pickle& pickle, const std::string& where,
                          const WeightChoice& choice);

}  // namespace swin::files
