#include "data/formats/image_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <span>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/encoded_dataset.h"
#include "files/digest.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

// Files with these extensions are collected; decoding tells what they really are.
bool is_image_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  std::string extension(name.substr(dot));
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp";
}

// Lists a folder. Of its files only the kind and the size are read.
class Folder {
 public:
  explicit Folder(const std::string& path) : path_(path), stream_(::opendir(path.c_str())) {
    if (!stream_) refuse();
  }
  enum class Kind { file, folder, link, other };
  struct Entry {
    std::string_view name;  // valid until the next entry is read
    Kind kind;
  };
  // @return false after the last entry. Skips hidden entries.
  bool next(Entry& entry) {
    while (true) {
      errno = 0;
      const dirent* found = ::readdir(stream_.get());
      if (found == nullptr && errno != 0) refuse();
      if (found == nullptr) return false;
      if (found->d_name[0] == '.') continue;
      entry.name = found->d_name;
      entry.kind = kind_of(*found);
      return true;
    }
  }
  // Follows links.
  bool look(const char* name, struct stat& status) const {
    return ::fstatat(::dirfd(stream_.get()), name, &status, 0) == 0;
  }
  std::pair<dev_t, ino_t> identity() const {
    struct stat status {};
    if (::fstat(::dirfd(stream_.get()), &status) != 0) refuse();
    return {status.st_dev, status.st_ino};
  }

 private:
  Kind kind_of(const dirent& found) const {
    unsigned char type = found.d_type;
    struct stat status {};
    if (type == DT_UNKNOWN &&
        ::fstatat(::dirfd(stream_.get()), found.d_name, &status,
                  AT_SYMLINK_NOFOLLOW) == 0)  // some file systems do not report it
      type = IFTODT(status.st_mode);
    if (type == DT_REG) return Kind::file;
    if (type == DT_DIR) return Kind::folder;
    return type == DT_LNK ? Kind::link : Kind::other;
  }
  [[noreturn]] void refuse() const {
    throw base::DataError(path_,
                          std::string("found an unreadable folder (") + std::strerror(errno) + ")",
                          "make it readable");
  }

  struct Closer {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  std::string path_;
  std::unique_ptr<DIR, Closer> stream_;
};

class ImageFolder : public EncodedDataset {
 public:
  explicit ImageFolder(const DatasetOptions& options)
      : root_(fs::canonical(options.path).string()), shown_root_(options.path) {
    channels_ = options.channels;
    decode_ = options.decode;
    if (!shown_root_.ends_with('/')) shown_root_ += '/';
    Folder root(root_);
    for (Folder::Entry entry{}; root.next(entry);) {
      const std::string name(entry.name);
      if (entry.kind == Folder::Kind::link && !stays_inside(name)) refuse_link(root, name);
      if (entry.kind == Folder::Kind::folder ||
          (entry.kind == Folder::Kind::link && is_folder(root, name)))
        class_names_.push_back(name);
    }
    std::sort(class_names_.begin(), class_names_.end());
    if (class_names_.empty()) {
      throw base::DataError(options.path,
                            "found no folder in it, expected one folder for each class",
                            "put the images of a class into a folder named as the class");
    }
    files::Sha256 digest;
    for (size_t label = 0; label < class_names_.size(); ++label) add_class(label, digest);
    std::sort(links_out_.begin(), links_out_.end());
    paths_.shrink();
    labels_.shrink_to_fit();
    fingerprint_ = files::to_hex(digest.finish());
  }

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int64_t label(int64_t i) const override { return labels_[static_cast<size_t>(i)]; }
  std::string name(int64_t i) const override {
    return shown_root_ + std::string(paths_[static_cast<size_t>(i)]);
  }
  std::span<const uint8_t> encoded(int64_t i, std::vector<uint8_t>& memory) const override {
    return read_bytes(name(i), memory);
  }
  std::vector<std::string> links_out() const override {
    std::vector<std::string> shown;
    for (const std::string& link : links_out_) shown.push_back(shown_root_ + link);
    return shown;
  }

 private:
  // Symbolic links are followed only if their target lies under the root.
  bool stays_inside(const std::string& relative) const {
    std::error_code error;
    const std::string target = fs::canonical(fs::path(root_) / relative, error).string();
    if (error) return false;
    return target.starts_with(root_) &&
           (root_ == "/" || target.size() == root_.size() || target[root_.size()] == '/');
  }
  static bool is_folder(const Folder& folder, const std::string& name) {
    struct stat status {};
    return folder.look(name.c_str(), status) && S_ISDIR(status.st_mode);
  }

  // Skipping the link would lose a class and change the indices of those after it.
  void refuse_link(const Folder& root, const std::string& name) const {
    struct stat status {};
    const bool leads = root.look(name.c_str(), status);
    if (leads && !S_ISDIR(status.st_mode)) return;  // a link to a file is no class
    throw base::DataError(
        shown_root_,
        "found the link " + base::printable(name) + ", which leads " +
            (leads ? "out of " + base::printable(shown_root_) : "nowhere") +
            ", expected class folders inside it",
        leads ? "move the folder here, bind-mount it (mount --bind), or list the images in a "
                "manifest that lies above both"
              : "correct or remove the link");
  }

  struct Listing {
    std::vector<int64_t> sizes_bytes;         // of the files of the class, in the order found
    std::vector<std::string> folders, links;  // to be read, relative to the root
    int64_t others = 0, links_out = 0;
  };

  // Adds the images of one folder, without subfolders.
  void add_folder(const std::string& relative, std::set<std::pair<dev_t, ino_t>>& visited,
                  Listing& listing) {
    Folder folder(root_ + "/" + relative);
    if (!visited.insert(folder.identity()).second) return;  // links may form a cycle
    const std::string prefix = relative + "/";
    std::string name;
    for (Folder::Entry entry{}; folder.next(entry);) {
      name = entry.name;
      struct stat status {};
      if (entry.kind == Folder::Kind::folder) {
        listing.folders.push_back(prefix + name);
      } else if (entry.kind == Folder::Kind::link && !stays_inside(prefix + name)) {
        ++listing.links_out;
        links_out_.push_back(prefix + name);
      } else if (entry.kind == Folder::Kind::link && is_folder(folder, name)) {
        listing.links.push_back(prefix + name);
      } else if (entry.kind != Folder::Kind::other && is_image_name(name) &&
                 folder.look(name.c_str(), status) && S_ISREG(status.st_mode)) {
        paths_.push_back(prefix, name);
        listing.sizes_bytes.push_back(status.st_size);
      } else {
        ++listing.others;
      }
    }
  }

  void add_class(size_t label, files::Sha256& digest) {
    const size_t first = paths_.size();
    Listing listing;
    std::set<std::pair<dev_t, ino_t>> visited;
    listing.folders = {class_names_[label]};
    // Links are read last and sorted, so the result does not depend on the order of the disk.
    while (!listing.folders.empty() || !listing.links.empty()) {
      if (listing.folders.empty()) {
        const auto next = std::min_element(listing.links.begin(), listing.links.end());
        listing.folders.push_back(std::move(*next));
        listing.links.erase(next);
      }
      const std::string folder = std::move(listing.folders.back());
      listing.folders.pop_back();
      add_folder(folder, visited, listing);
    }
    const size_t count = paths_.size() - first;
    if (count == 0) refuse_empty(label, listing);
    if (paths_.size() >= UINT32_MAX)
      throw base::DataError(shown_root_, "found over 4 billion images, expected fewer");

    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), static_cast<uint32_t>(first));
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return paths_[a] < paths_[b]; });
    std::string line;
    for (const uint32_t index : order) {
      line.assign(paths_[index]);
      line += "\n" + std::to_string(listing.sizes_bytes[index - first]) + "\n";
      digest.update(std::as_bytes(std::span(line)));
    }
    paths_.reorder(first, order);
    labels_.resize(paths_.size(), static_cast<int32_t>(label));
  }

  [[noreturn]] void refuse_empty(size_t label, const Listing& listing) const {
    std::string found = "found no image";
    if (listing.others) found += ", " + std::to_string(listing.others) + " files of other kinds";
    if (listing.links_out)
      found += ", " + std::to_string(listing.links_out) +
               " symbolic links that lead out of the data set";
    throw base::DataError(shown_root_ + class_names_[label],
                          found + ", expected .jpg, .jpeg, .png or .webp files",
                          "add images or remove the folder");
  }

  std::string root_, shown_root_;
  TextList paths_;  // relative to the root, sorted within each class
  std::vector<int32_t> labels_;
  std::vector<std::string> links_out_;  // relative to the root, sorted
};

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options) {
  return std::make_unique<ImageFolder>(options);
}

}  // namespace swin::data
