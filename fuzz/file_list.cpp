// The input is the text of RUN/files.gz. A list that was read and written again is the same.
#include "data/file_list.h"

#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace swin::data;
  try {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::vector<FileList> lists = parse_file_lists(text, "input");
    const std::string written = to_text(lists);
    const std::vector<FileList> again = parse_file_lists(written, "again");
    swin::fuzz::require(to_text(again) == written && again.size() == lists.size());
    for (size_t i = 0; i + 1 < lists.size(); ++i)
      swin::fuzz::require(change_of(lists[i].files, lists[i + 1].files).size() < 400);
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
