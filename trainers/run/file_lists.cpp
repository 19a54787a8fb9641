#include "trainers/run/file_lists.h"

#include <algorithm>
#include <span>

#include "base/errors.h"
#include "files/gzip.h"

namespace swin::trainers {
namespace {

constexpr const char* kName = "files.gz";
constexpr int64_t kMostBytes = int64_t{1} << 32;

}  // namespace

std::vector<data::FileList> read_file_lists(const RunDirectory& directory) {
  const std::filesystem::path path = directory.path() / kName;
  try {
    const std::vector<uint8_t> bytes = files::read_maybe_gzip(path, kMostBytes);
    return data::parse_file_lists({bytes.begin(), bytes.end()}, path.string());
  } catch (const base::DataError&) {
    return {};  // changes are then told without names
  }
}

void FileListWriter::saved(int64_t /*step*/) {
  if (written_) return;
  written_ = true;
  std::vector<data::FileList> now = {{"train", data_.train.fingerprint(), {}}};
  if (data_.validation) now.push_back({"validation", data_.validation->fingerprint(), {}});
  const std::vector<data::FileList> before = read_file_lists(directory_);
  if (std::ranges::equal(before, now, [](const data::FileList& a, const data::FileList& b) {
        return a.set == b.set && a.fingerprint == b.fingerprint;
      }))
    return;
  now[0].files = data_.train.files();
  if (data_.validation) now[1].files = data_.validation->files();
  const std::string text = data::to_text(now);
  const std::vector<uint8_t> bytes = files::gzip(std::as_bytes(std::span(text)));
  directory_.write(kName, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace swin::trainers
