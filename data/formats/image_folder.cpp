#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
#include <span>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/formats.h"
#include "files/digest.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

// Calls take(entry) for everything in a folder but hidden entries. Listing tells files, folders and
// links apart without looking at each.
template <class Take>
void list(const std::string& path, Take&& take) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
    if (const std::string name = at->path().filename().string(); name[0] != '.') take(*at, name);
  if (error)
    throw base::DataError(path, "found an unreadable folder (" + error.message() + ")",
                          "make it readable");
}

class ImageFolder : public ListedDataset {
 public:
  explicit ImageFolder(const DatasetOptions& options)
      : ListedDataset(options),
        root_(fs::canonical(options.path).string()),
        shown_root_(options.path) {
    if (!shown_root_.ends_with('/')) shown_root_ += '/';
    list(root_, [&](const fs::directory_entry& entry, const std::string& name) {
      std::error_code error;
      if (entry.is_symlink(error) && !stays_inside(name)) refuse_link(entry, name);
      if (entry.is_directory(error)) class_names_.push_back(name);
    });
    std::sort(class_names_.begin(), class_names_.end());
    if (class_names_.empty())
      throw base::DataError(options.path,
                            "found no folder in it, expected one folder for each class",
                            "put the images of a class into a folder named as the class");
    files::Sha256 digest;
    for (size_t label = 0; label < class_names_.size(); ++label) add_class(label, digest);
    std::sort(links_out_.begin(), links_out_.end());
    shrink();
    fingerprint_ = files::to_hex(digest.finish());
  }

  std::string name(int64_t i) const override {
    return shown_root_ + std::string(names_[static_cast<size_t>(i)]);
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
    return !error && is_inside(target, root_);
  }

  // Skipping the link would lose a class and change the indices of those after it.
  void refuse_link(const fs::directory_entry& link, const std::string& name) const {
    std::error_code error;
    const bool leads = link.exists(error);
    if (leads && !link.is_directory(error)) return;  // a link to a file is no class
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
  void add_folder(const std::string& relative, std::set<std::string>& visited, Listing& listing) {
    const std::string folder = root_ + "/" + relative, prefix = relative + "/";
    std::error_code error;
    if (!visited.insert(fs::canonical(folder, error).string()).second)
      return;  // links may form a cycle
    list(folder, [&](const fs::directory_entry& entry, const std::string& name) {
      const bool link = entry.is_symlink(error);
      if (link && !stays_inside(prefix + name)) {
        ++listing.links_out;
        links_out_.push_back(prefix + name);
      } else if (entry.is_directory(error)) {
        (link ? listing.links : listing.folders).push_back(prefix + name);
      } else if (is_image_ending(lower_case(fs::path(name).extension().string())) &&
                 entry.is_regular_file(error)) {
        names_.push_back(prefix, name);
        listing.sizes_bytes.push_back(static_cast<int64_t>(entry.file_size(error)));
      } else {
        ++listing.others;
      }
    });
  }

  void add_class(size_t label, files::Sha256& digest) {
    const size_t first = names_.size();
    Listing listing;
    std::set<std::string> visited;
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
    const size_t count = names_.size() - first;
    if (count == 0) refuse_empty(label, listing);
    if (names_.size() >= UINT32_MAX)
      throw base::DataError(shown_root_, "found over 4 billion images, expected fewer");

    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), static_cast<uint32_t>(first));
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return names_[a] < names_[b]; });
    std::string line;
    for (const uint32_t index : order) {
      line.assign(names_[index]);
      line += "\n" + std::to_string(listing.sizes_bytes[index - first]) + "\n";
      digest.update(std::as_bytes(std::span(line)));
    }
    names_.reorder(first, order);
    labels_.resize(names_.size(), static_cast<int32_t>(label));
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
  std::vector<std::string> links_out_;  // relative to the root, sorted
};

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options) {
  return std::make_unique<ImageFolder>(options);
}

}  // namespace swin::data
