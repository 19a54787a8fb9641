// Tar shards of images and labels, as the package webdataset writes them. Consecutive files whose
// names are equal up to the first dot (their key) are one sample; what follows is a field of it:
// the image is .jpg, .png, …, the label .cls, and .crop.png is another field, which is not read.
// The same key in two shards is two samples. Images are read from the shards directly; nothing is
// unpacked.
#include <charconv>
#include <filesystem>
#include <map>
#include <unordered_set>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/class_labels.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/formats.h"
#include "data/formats/passed_over.h"
#include "files/archive_file.h"
#include "files/digest.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxShards = 100'000;
constexpr int64_t kMaxLabelBytes = 4096;

class WebDataset : public ListedDataset {
 public:
  explicit WebDataset(const DatasetOptions& options)
      : ListedDataset(options),
        shards_(fs::exists(options.path) ? std::vector{options.path} : shard_paths(options.path)) {
    const size_t range = shards_.size() > 1 ? options.path.find('{') : std::string::npos;
    folder_ = options.path.substr(0, options.path.rfind('/', range) + 1);
    ClassLabels classes(fs::path(shards_[0]).parent_path().string(), options.num_classes,
                        options.known_names);
    files::Sha256 digest;
    for (size_t shard = 0; shard < shards_.size(); ++shard) add_shard(shard, classes, digest);
    passed_over_ = passed_.take();
    if (locations_.empty()) {
      std::string found = "found no image";
      for (const PassedOver& passed : passed_over_)
        found += (&passed == passed_over_.data() ? " (" : ", ") + std::string("of ") +
                 passed.reason + ": " + std::to_string(passed.names.size());
      if (!passed_over_.empty()) found += ")";
      throw base::DataError(
          options.path,
          found + ", expected " + image_endings() + " files, each with a .cls of the same name",
          "check the contents of the archive");
    }
    names_.shrink();
    locations_.shrink_to_fit();
    class_names_ = classes.finish(labels_);
    warnings_ = class_warnings(class_names_, "");
    fingerprint_ = files::to_hex(digest.finish());
  }

  std::string name(int64_t i) const override {
    const auto index = static_cast<size_t>(i);
    return shards_[locations_[index].shard] + ": " + std::string(names_[index]);
  }
  std::vector<ListedFile> files() const override {
    std::vector<ListedFile> all;
    all.reserve(locations_.size());
    for (size_t i = 0; i < locations_.size(); ++i)
      all.push_back(
          {shards_[locations_[i].shard].substr(folder_.size()) + ": " + std::string(names_[i]),
           int64_t{locations_[i].size_bytes}});
    return all;
  }
  std::span<const uint8_t> encoded(int64_t i, std::vector<uint8_t>& memory) const override {
    const Location& location = locations_[static_cast<size_t>(i)];
    return read_bytes(shards_[location.shard], location.offset_bytes, location.size_bytes, name(i),
                      memory);
  }

 private:
  struct Location {
    int64_t offset_bytes;
    uint32_t size_bytes, shard;
  };
  struct Sample {
    std::string key;
    std::vector<const files::TarEntry*> members;
    const files::TarEntry *image = nullptr, *label = nullptr;
  };

  // Its field: the name from behind the key on, in lower case, as ".crop.png".
  static std::string field_of(const files::TarEntry& member, const std::string& key) {
    return lower_case(std::string_view(member.name).substr(key.size()));
  }
  static std::string ending_of(const std::string& field) { return field.substr(field.rfind('.')); }

  void pass_over(const char* reason, size_t shard, const files::TarEntry& member) {
    passed_.add(reason, shards_[shard] + ": " + member.name);
  }

  // The samples of a shard, in its order. Source: webdataset.tariterators.group_by_keys.
  std::vector<Sample> samples_of(size_t shard, const std::vector<files::TarEntry>& entries) {
    std::vector<Sample> samples;
    std::unordered_set<std::string> keys;
    for (const files::TarEntry& entry : entries) {
      const size_t base = entry.name.rfind('/') + 1;  // 0 if there is no slash
      const size_t dot = entry.name.find('.', base);
      if (dot == base || dot == std::string::npos) {
        pass_over(dot == base ? "hidden" : "member without an ending", shard, entry);
        continue;
      }
      const std::string key = entry.name.substr(0, dot);
      if (samples.empty() || samples.back().key != key) {
        // Readers that stream a shard end a sample where the key changes: this would be two.
        if (!keys.insert(key).second)
          throw base::DataError(shards_[shard],
                                "found " + base::printable(entry.name) +
                                    " apart from the earlier files of its key, expected all files "
                                    "of a key in a row",
                                "give every sample its own key; write the archive in the order of "
                                "names (tar --sort=name)");
        samples.push_back({key, {}, nullptr, nullptr});
      }
      Sample& sample = samples.back();
      sample.members.push_back(&entry);
      const std::string field = field_of(entry, key);
      const bool image = is_image_ending(field);
      if (!image && field != ".cls") continue;
      const files::TarEntry*& slot = image ? sample.image : sample.label;
      if (slot != nullptr)
        throw base::DataError(shards_[shard],
                              "found " + base::printable(slot->name) + " and " +
                                  base::printable(entry.name) + ", expected one " +
                                  (image ? "image" : "label") + " per key",
                              "give every sample its own key");
      slot = &entry;
    }
    return samples;
  }

  // A key ends at the first dot of a name: a.1.png, a.1.cls, a.2.png and a.2.cls, meant as two
  // samples, are four fields of one.
  void refuse_merged(size_t shard, const Sample& sample) const {
    struct Pair {
      const files::TarEntry *image = nullptr, *label = nullptr;
    };
    std::map<std::string, Pair> pairs;  // by the field without its ending
    for (const files::TarEntry* member : sample.members) {
      const std::string field = field_of(*member, sample.key), ending = ending_of(field);
      Pair& pair = pairs[field.substr(0, field.size() - ending.size())];
      if (is_image_ending(ending)) pair.image = member;
      if (ending == ".cls") pair.label = member;
    }
    std::erase_if(pairs, [](const auto& entry) {
      return entry.second.image == nullptr || entry.second.label == nullptr;
    });
    if (pairs.size() < 2) return;
    throw base::DataError(shards_[shard],
                          "found " + base::printable(pairs.begin()->second.image->name) + " and " +
                              base::printable(std::next(pairs.begin())->second.image->name) +
                              ", each with a label, under the key " + base::printable(sample.key) +
                              " (a name up to its first dot), expected one sample per key",
                          "write the names with no other dot than that of the ending");
  }

  void add_shard(size_t shard, ClassLabels& classes, files::Sha256& digest) {
    const files::MappedFile file(shards_[shard], files::FileKind::data);
    const std::vector<files::TarEntry> entries =
        files::read_tar_index(file.bytes(), shards_[shard]);
    for (const Sample& sample : samples_of(shard, entries)) {
      if (sample.members.size() >= 4) refuse_merged(shard, sample);
      const bool whole = sample.image != nullptr && sample.label != nullptr;
      if (whole) add_sample(shard, sample, file.bytes(), classes, digest);
      for (const files::TarEntry* member : sample.members) {
        const bool own = member == sample.image || member == sample.label;
        if (own && !whole) pass_over("member without partner", shard, *member);
        if (own) continue;
        // Of a sample that is learned from, other fields than images and labels are no loss.
        const std::string field = field_of(*member, sample.key), ending = ending_of(field);
        if (whole && !is_image_ending(ending) && ending != ".cls") continue;
        pass_over("field that is not read", shard, *member);
      }
    }
  }

  void add_sample(size_t shard, const Sample& sample, std::span<const std::byte> bytes,
                  ClassLabels& classes, files::Sha256& digest) {
    const std::string where = shards_[shard] + ": " + sample.label->name;
    if (sample.label->size_bytes > kMaxLabelBytes)
      throw base::DataError(where, "found " + std::to_string(sample.label->size_bytes) +
                                       " bytes, expected a class name or number");
    if (sample.image->size_bytes > kMaxImageBytes)
      throw base::DataError(shards_[shard] + ": " + sample.image->name,
                            "found " + std::to_string(sample.image->size_bytes) +
                                " bytes, expected at most " + std::to_string(kMaxImageBytes) +
                                " of an image file");
    const std::string_view label =
        files::text_of(bytes.subspan(static_cast<size_t>(sample.label->offset_bytes),
                                     static_cast<size_t>(sample.label->size_bytes)));
    labels_.push_back(classes.add(label, where));
    names_.push_back(sample.image->name);
    locations_.push_back({sample.image->offset_bytes,
                          static_cast<uint32_t>(sample.image->size_bytes),
                          static_cast<uint32_t>(shard)});
    const std::string line = sample.image->name + "\n" + std::to_string(sample.image->size_bytes) +
                             "\n" + std::string(label) + "\n";
    digest.update(std::as_bytes(std::span(line)));
  }

  std::vector<std::string> shards_;
  std::string folder_;  // of all shards, with '/' at its end; empty: the working directory
  std::vector<Location> locations_;
  PassedOverList passed_;
};

}  // namespace

void refuse_pattern(const std::string& pattern, const std::string& expected) {
  throw base::UsageError(pattern, "found this pattern of shards, expected " + expected,
                         "write it as shard-{0000..0012}.tar");
}

std::vector<std::string> shard_paths(const std::string& pattern) {
  const size_t open = pattern.find('{'), dots = pattern.find("..", open),
               close = pattern.find('}', open);
  if (open == std::string::npos) return {pattern};
  const auto refuse = [&](const std::string& expected) { refuse_pattern(pattern, expected); };
  if (close == std::string::npos || dots == std::string::npos || dots > close)
    refuse("a range in its braces");
  const std::string first = pattern.substr(open + 1, dots - open - 1),
                    last = pattern.substr(dots + 2, close - dots - 2);
  const auto number = [&](const std::string& text) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
      refuse("two whole numbers in its braces");
    return value;
  };
  const uint32_t begin = number(first), end = number(last);
  if (end < begin || end - begin >= kMaxShards)
    refuse("an ascending range of at most 100,000 shards");
  std::vector<std::string> paths;
  for (uint32_t i = begin; i <= end; ++i) {
    std::string digits = std::to_string(i);
    if (digits.size() < first.size()) digits.insert(0, first.size() - digits.size(), '0');
    // The rest of the pattern may contain more ranges.
    for (const std::string& rest : shard_paths(pattern.substr(close + 1))) {
      paths.push_back(pattern.substr(0, open) + digits + rest);
      if (paths.size() > kMaxShards) refuse("at most 100,000 shards");
    }
  }
  return paths;
}

// A hole in a range would leave out a part of the images; shards are read in turn, which takes
// long.
void check_shards(const std::string& pattern) {
  if (fs::exists(pattern)) return;
  const std::vector<std::string> shards = shard_paths(pattern);
  std::vector<std::string> missing;
  for (const std::string& shard : shards)
    if (!fs::exists(shard)) missing.push_back(fs::path(shard).filename().string());
  if (missing.empty()) return;
  throw base::DataError(
      pattern,
      "found " + std::to_string(shards.size() - missing.size()) + " of " +
          std::to_string(shards.size()) + " shards, not " + base::listing(missing) +
          ", expected every one of the range",
      missing.size() == shards.size() ? "correct the path" : "fetch them, or correct the range");
}

std::unique_ptr<Dataset> open_webdataset(const DatasetOptions& options) {
  check_shards(options.path);
  return std::make_unique<WebDataset>(options);
}

}  // namespace swin::data
