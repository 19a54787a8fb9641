// Files of torch.save: .pth and .pt, as zip archives and in the legacy form before PyTorch 1.6.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "files/named_array.h"

namespace swin::files {

/// Which weights to read from a file that holds two sets: the trained ones, or their average over
/// the steps (EMA).
enum class WeightSet { trained, averaged };

struct WeightChoice {
  WeightSet set = WeightSet::trained;
  /// Where the state dict lies in the dicts of a .pth file: "net", "checkpoint.model". Empty: it is
  /// looked for. Then `set` says no more.
  std::string key = {};
};

/// The tensors of a state dict that torch.save wrote, read without executing anything (its pickle
/// through files/pickle.h, its zip archive through files/archive_file.h).
///
/// A state dict is a dict of tensors. If the file holds another dict, the state dict is looked for
/// under "model", "state_dict", "model_state_dict" and other usual keys, an average under
/// "state_dict_ema", "model_ema" and "ema". The average is read if it is asked for or the only set.
/// Else the only dict of tensors is read, however deep it lies; of several WeightChoice::key
/// chooses. Contiguous tensors, even if they share memory, are views of the mapped file and take no
/// heap. Transposed and otherwise strided ones are copied, together never more bytes than the file
/// has.
class TorchFile {
 public:
  enum class Form { zip, legacy };

  /// @throws base::WeightError where the file is missing, damaged, truncated, big-endian, not a
  /// file of torch.save, or holds no state dict, a tensor beyond its storage, a name twice, or a
  /// class or function that no state dict needs (named in the error). Of several dicts of tensors
  /// without a usual key, and where WeightChoice::key is none, the error lists them.
  explicit TorchFile(const std::filesystem::path& path, const WeightChoice& choice = {});
  /// The same for a file in memory.   @param owner what keeps `bytes` alive, held by each array.
  TorchFile(ByteSpan bytes, std::string where, std::shared_ptr<const void> owner = nullptr,
            const WeightChoice& choice = {});

  /// In the order of the state dict.
  const std::vector<NamedArray>& arrays() const { return arrays_; }
  Form form() const { return form_; }
  /// The key of the state dict, "model" or "checkpoint.model"; empty if it is the whole file.
  const std::string& key() const { return key_; }
  /// Names of what the file holds besides the tensors of the state dict: "epoch", "optimizer".
  const std::vector<std::string>& ignored() const { return ignored_; }
  /// The classes in the `meta` that OpenMMLab's programs write beside the state dict; empty if
  /// there are none, or other values than names.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Another dict of tensors that the file holds.
  struct OtherSet {
    std::string key;
    bool averaged = false;  ///< this is the set of WeightSet::averaged
  };
  const std::vector<OtherSet>& other_sets() const { return other_sets_; }

 private:
  class Reader;
  Form form_ = Form::zip;
  std::string key_;
  std::vector<std::string> ignored_;
  std::vector<std::string> class_names_;
  std::vector<OtherSet> other_sets_;
  std::vector<NamedArray> arrays_;
};

/// Whether the bytes start as a file of torch.save does: a zip archive or the legacy form.
bool is_torch_file(ByteSpan bytes);

}  // namespace swin::files
