#include "data/file_list.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_map>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"

namespace swin::data {
namespace {

constexpr size_t kNameBytes = 75;         // of the names of one kind of change in a message
constexpr size_t kMostChangeBytes = 250;  // else only the numbers of files are told

std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '\\' && byte != 0x7f)
      text += c;
    else
      text += "\\x" + base::hex(byte);
  }
  return text;
}

/// @throws DataError where an escape is cut off.
std::string unescaped(std::string_view text, const std::string& where) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      path += text[i];
      continue;
    }
    int byte = -1;
    if (i + 3 < text.size() && text[i + 1] == 'x')
      std::from_chars(text.data() + i + 2, text.data() + i + 4, byte, 16);
    if (byte < 0) throw base::DataError(where, "found a path with a wrong escape, expected \\xHH");
    path += static_cast<char>(byte);
    i += 3;
  }
  return path;
}

/// The first names that fit, and how many more there are.
std::string few(const std::vector<std::string>& names) {
  for (size_t shown = 3; shown > 1; --shown) {
    std::vector<std::string> first;
    for (size_t i = 0; i < std::min(shown, names.size()); ++i)
      first.push_back(base::printable(names[i]));
    if (base::listing(first, shown).size() <= kNameBytes) {
      const size_t more = names.size() - first.size();
      return base::listing(first, shown) +
             (more ? " and " + base::grouped(static_cast<int64_t>(more)) + " more" : "");
    }
  }
  const size_t more = names.size() - 1;
  return base::printable(names[0]) +
         (more ? " and " + base::grouped(static_cast<int64_t>(more)) + " more" : "");
}

}  // namespace

std::string to_text(const std::vector<FileList>& lists) {
  std::string text;
  for (const FileList& list : lists) {
    text += "# " + list.set + " " + list.fingerprint + "\n";
    for (const ListedFile& file : list.files)
      text += std::to_string(file.size_bytes) + "\t" + escaped(file.path) + "\n";
  }
  return text;
}

std::vector<FileList> parse_file_lists(const std::string& text, const std::string& where) {
  std::vector<FileList> lists;
  int64_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string at = where + ":" + std::to_string(++number);
    if (end == std::string_view::npos)
      throw base::DataError(at, "found a cut line, expected a line end");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.starts_with("# ")) {
      const size_t space = line.find(' ', 2);
      if (space == std::string_view::npos)
        throw base::DataError(at, "found no fingerprint, expected `# set fingerprint`");
      lists.push_back(
          {std::string(line.substr(2, space - 2)), std::string(line.substr(space + 1)), {}});
      continue;
    }
    const size_t tab = line.find('\t');
    int64_t size = 0;
    const char* size_end = line.data() + std::min(tab, line.size());
    const auto [stop, error] = std::from_chars(line.data(), size_end, size);
    if (lists.empty() || tab == std::string_view::npos || error != std::errc() || stop != size_end)
      throw base::DataError(at, "found another line, expected a size, a tab and a path");
    lists.back().files.push_back({unescaped(line.substr(tab + 1), at), size});
  }
  return lists;
}

std::string change_of(const std::vector<ListedFile>& before, const std::vector<ListedFile>& now) {
  std::unordered_map<std::string_view, int64_t> old_sizes, new_sizes;
  for (const ListedFile& file : before) old_sizes.emplace(file.path, file.size_bytes);
  for (const ListedFile& file : now) new_sizes.emplace(file.path, file.size_bytes);
  std::vector<std::string> removed, added, replaced;
  for (const ListedFile& file : before)
    if (!new_sizes.contains(file.path)) removed.push_back(file.path);
  for (const ListedFile& file : now) {
    const auto old = old_sizes.find(file.path);
    if (old == old_sizes.end())
      added.push_back(file.path);
    else if (old->second != file.size_bytes)
      replaced.push_back(file.path);
  }
  const auto text_of = [&](bool with_names) {
    std::string text;
    for (const auto& [what, names] :
         {std::pair{"removed ", &removed}, {"added ", &added}, {"replaced ", &replaced}})
      if (!names->empty())
        text += (text.empty() ? "" : "; ") + std::string(what) +
                (with_names ? few(*names) : base::grouped(std::ssize(*names)) + " files");
    return text;
  };
  std::string text = text_of(true);
  if (text.size() > kMostChangeBytes) text = text_of(false);
  return text.empty() ? "the same files, with other contents, labels or order" : text;
}

}  // namespace swin::data
