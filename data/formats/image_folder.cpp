// One folder for each class, as torchvision's ImageFolder has it: links are followed, wherever they
// lead, and a file that is reached on two ways is two images.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <unordered_map>

#include "base/errors.h"
#include "base/text.h"
#include "base/unicode.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/formats.h"
#include "data/formats/passed_over.h"
#include "files/digest.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

// Folders that link to each other in rings have more ways to them than anyone wants images.
constexpr int64_t kMostWays = 1000;

constexpr char kHidden[] = "hidden", kLink[] = "link", kBrokenLink[] = "broken link",
               kRing[] = "ring of links", kNoFile[] = "no regular file",
               kUnreadable[] = "cannot be opened", kBeside[] = "beside the class folders",
               kEmptyClass[] = "class folder without images";

// Calls take(entry, name) for everything in a folder. Listing tells files, folders and links apart
// without looking at each.
template <class Take>
void list(const std::string& path, Take&& take) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
    take(*at, at->path().filename().string());
  if (error)
    throw base::DataError(path, "found an unreadable folder (" + error.message() + ")",
                          "make it readable");
}

// What cameras write beside their JPEGs: TIFFs whose first page is a thumbnail.
bool is_raw_ending(const std::string& ending) {
  constexpr std::string_view kEndings[] = {".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf",
                                           ".fff", ".iiq", ".k25", ".kdc", ".mef", ".mos",
                                           ".nef", ".nrw", ".pef", ".sr2", ".srf", ".srw"};
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

class ImageFolder : public ListedDataset {
 public:
  explicit ImageFolder(const DatasetOptions& options)
      : ListedDataset(options),
        follow_links_(options.follow_links),
        root_(fs::canonical(options.path).string()),
        shown_root_(options.path) {
    if (!shown_root_.ends_with('/')) shown_root_ += '/';
    list_classes();
    for (const Class& one : classes_) class_names_.push_back(one.name);
    if (class_names_.empty())
      throw base::DataError(options.path,
                            "found no folder in it, expected one folder for each class",
                            "put the images of a class into a folder named as the class");
    files::Sha256 digest;
    bool only_folders = false;
    for (size_t label = 0; label < classes_.size(); ++label) {
      const Listing listing = add_class(label, digest);
      only_folders = listing.only_folders;
      if (listing.num_images > 0) continue;
      if (!options.empty_classes) refuse_empty(label, listing);
      pass_over(kEmptyClass, classes_[label].folder);
    }
    if (names_.size() == 0)
      throw base::DataError(
          options.path,
          "found no image in the folders of its classes, expected " + expected_images(),
          "add images");
    shrink();
    fingerprint_ = files::to_hex(digest.finish());
    if (classes_.size() == 1 && only_folders) {
      const std::string folder = base::printable(shown_root_ + classes_[0].folder);
      warnings_ = {"found one class alone, whose folder " + folder +
                   " holds folders alone; if an archive was unpacked there, give " + folder +
                   " as the path"};
    } else {
      warnings_ = class_warnings(class_names_, shown_root_);
    }
    for (const std::string& link : broken_classes_)
      warnings_.push_back("found the broken link " + base::printable(link) +
                          " beside the class folders; if it is a class, it is missing here: "
                          "correct or remove the link");
    passed_over_ = passed_.take();
  }

  std::string name(int64_t i) const override {
    return shown_root_ + std::string(names_[static_cast<size_t>(i)]);
  }

 private:
  struct Class {
    std::string name, folder;  // the folder as the disk has it
    bool operator<(const Class& other) const { return name < other.name; }
  };
  // The folders whose links led to another one, as a list that many folders share.
  struct Way {
    std::string folder;  // canonical
    std::shared_ptr<const Way> before;
  };
  struct Folder {
    std::string relative;   // to the root, by the names of links
    std::string canonical;  // where it is
    std::shared_ptr<const Way> way;
  };
  struct Listing {
    std::vector<int64_t> sizes_bytes;  // of the files of the class, in the order found
    std::vector<Folder> folders;       // to be read
    int64_t num_images = 0, num_others = 0;
    bool only_folders = false;  // in the class folder itself
  };
  enum class Found { folder, image, other };

  static std::string expected_images() { return image_endings() + " files"; }

  void pass_over(const char* reason, const std::string& relative) {
    passed_.add(reason, shown_root_ + relative);
  }

  void list_classes() {
    const Folder root = {"", root_, nullptr};
    list(root_, [&](const fs::directory_entry& entry, const std::string& name) {
      std::error_code error;
      if (name.front() == '.') return pass_over(kHidden, name);
      Folder to;
      const bool link = entry.is_symlink(error);
      if (link ? !follow(root, entry, name, to) : !entry.is_directory(error)) {
        if (link || name == "classes.txt") return;  // classes.txt belongs to lists of images
        return pass_over(kBeside, name);
      }
      if (link && !entry.is_directory(error)) return pass_over(kBeside, name);
      classes_.push_back({base::composed(name), name});
    });
    std::sort(classes_.begin(), classes_.end());
    const auto same =
        std::adjacent_find(classes_.begin(), classes_.end(),
                           [](const Class& a, const Class& b) { return a.name == b.name; });
    if (same != classes_.end())
      throw base::DataError(shown_root_,
                            "found two folders of the class " + base::printable(same->name) +
                                ", which write it in different characters (" +
                                escaped(same->folder) + ", " + escaped((same + 1)->folder) +
                                "), expected one",
                            "move the images of one into the other");
  }

  // What differs between names that look alike: bytes beyond ASCII as "\xC3".
  static std::string escaped(const std::string& name) {
    std::string text;
    for (const char c : name) {
      const auto byte = static_cast<uint8_t>(c);
      if (byte < 0x80)
        text += c;
      else
        text += "\\x" + base::hex(byte);
    }
    return base::printable(text);
  }

  // @return whether the link leads to a file, or to a folder `to` that does not hold the link. Else
  // it is passed over.
  bool follow(const Folder& from, const fs::directory_entry& link, const std::string& relative,
              Folder& to) {
    if (!follow_links_) return pass_over(kLink, relative), false;
    std::error_code error;
    const fs::file_status status = fs::status(link.path(), error);
    if (error == std::errc::too_many_symbolic_link_levels) return pass_over(kRing, relative), false;
    if (status.type() == fs::file_type::not_found) {
      if (from.relative.empty()) broken_classes_.push_back(shown_root_ + relative);
      return pass_over(kBrokenLink, relative), false;
    }
    if (error) return pass_over(kUnreadable, relative), false;
    if (!fs::is_directory(status)) return true;
    to = {relative, fs::canonical(link.path(), error).string(),
          std::make_shared<const Way>(from.canonical, from.way)};
    if (error) return pass_over(kBrokenLink, relative), false;  // it went away
    for (const Way* at = to.way.get(); at != nullptr; at = at->before.get())
      if (is_inside(at->folder, to.canonical)) return pass_over(kRing, relative), false;
    if (++ways_[to.canonical] > kMostWays)
      throw base::DataError(shown_root_ + relative,
                            "found over " + std::to_string(kMostWays) + " ways over links to " +
                                base::printable(to.canonical) + ", expected fewer",
                            "remove links that lead in rings, or set data.follow_links to false");
    return true;
  }

  // Adds the images of one folder, without subfolders.
  void add_folder(const Folder& folder, Listing& listing) {
    const std::string prefix = folder.relative + "/";
    list(root_ + "/" + folder.relative,
         [&](const fs::directory_entry& entry, const std::string& name) {
           std::error_code error;
           if (name.front() == '.') return pass_over(kHidden, prefix + name);
           const bool link = entry.is_symlink(error);
           Folder to;
           if (link && !follow(folder, entry, prefix + name, to)) {
             ++listing.num_others;
           } else if (entry.is_directory(error)) {
             if (!link) to = {prefix + name, folder.canonical + "/" + name, folder.way};
             listing.folders.push_back(std::move(to));
           } else if (is_image(entry, prefix, name)) {
             names_.push_back(prefix, name);
             listing.sizes_bytes.push_back(static_cast<int64_t>(entry.file_size(error)));
           } else {
             ++listing.num_others;
           }
         });
  }

  // Else the file is passed over.
  bool is_image(const fs::directory_entry& entry, const std::string& prefix,
                const std::string& name) {
    std::error_code error;
    if (!entry.is_regular_file(error)) return pass_over(kNoFile, prefix + name), false;
    const std::string ending = lower_case(fs::path(name).extension().string());
    if (is_image_ending(ending)) return true;
    const std::optional<ImageKind> kind = kind_of_file(entry.path().string());
    if (!kind) return pass_over(kUnreadable, prefix + name), false;
    if (*kind == ImageKind::other || (*kind == ImageKind::tiff && is_raw_ending(ending)))
      return passed_.add_no_image(shown_root_ + prefix + name), false;
    return true;
  }

  Listing add_class(size_t label, files::Sha256& digest) {
    const size_t first = names_.size();
    Listing listing;
    std::error_code error;
    const std::string& name = classes_[label].folder;
    const fs::path path = fs::path(root_) / name;
    listing.folders = {
        {name, fs::canonical(path, error).string(),
         fs::is_symlink(path, error) ? std::make_shared<const Way>(root_, nullptr) : nullptr}};
    while (!listing.folders.empty()) {
      const Folder folder = std::move(listing.folders.back());
      listing.folders.pop_back();
      add_folder(folder, listing);
      if (folder.relative == name)
        listing.only_folders =
            !listing.folders.empty() && names_.size() == first && listing.num_others == 0;
    }
    const size_t count = names_.size() - first;
    if (names_.size() >= UINT32_MAX)
      throw base::DataError(shown_root_, "found over 4 billion images, expected fewer");

    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), static_cast<uint32_t>(first));
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return names_[a] < names_[b]; });
    std::string line;
    for (const uint32_t index : order) {
      const int64_t size_bytes = listing.sizes_bytes[index - first];
      line.assign(names_[index]);
      line += "\n" + std::to_string(size_bytes) + "\n";
      digest.update(std::as_bytes(std::span(line)));
      add_size(size_bytes);
    }
    names_.reorder(first, order);
    labels_.resize(names_.size(), static_cast<int32_t>(label));
    listing.num_images = static_cast<int64_t>(count);
    return listing;
  }

  [[noreturn]] void refuse_empty(size_t label, const Listing& listing) {
    std::string found = "found no image";
    if (listing.num_others > 0) {
      found += ", " + std::to_string(listing.num_others) + " files of other kinds";
      const std::string folder = shown_root_ + classes_[label].folder + "/";
      for (const PassedOver& passed : passed_.take())
        for (const std::string& name : passed.names)
          if (name.starts_with(folder)) {
            found +=
                " (" + passed.reason + ": " + base::printable(name.substr(folder.size())) + ")";
            throw refusal(label, found);
          }
    }
    throw refusal(label, found);
  }
  base::DataError refusal(size_t label, const std::string& found) const {
    return {shown_root_ + classes_[label].folder, found + ", expected " + expected_images(),
            "add images or remove the folder"};
  }

  const bool follow_links_;
  std::string root_, shown_root_;
  std::vector<Class> classes_;  // sorted by their names
  std::vector<std::string> broken_classes_;
  PassedOverList passed_;
  std::unordered_map<std::string, int64_t> ways_;  // canonical folder → links that led to it
};

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options) {
  return std::make_unique<ImageFolder>(options);
}

}  // namespace swin::data
