// Stored zip archives, read as views, and the index of tar archives.
#include "files/archive_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cstring>
#include <span>
#include <string>

#include "base/errors.h"
#include "tests/data/formats/tar_bytes.h"
#include "tests/files/torch_bytes.h"

namespace swin::files {
namespace {

using testing::span_of;
using testing::zip_of;

TEST(ZipArchive, GivesViewsInTheOrderOfTheFile) {
  const std::string bytes =
      zip_of({{"b/one", "first"}, {"a", std::string(100'000, 'x')}, {"empty", ""}});
  const auto entries = read_stored_zip(span_of(bytes), "x");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "b/one");
  EXPECT_EQ(entries[1].bytes.size(), 100'000u);
  EXPECT_GE(entries[1].bytes.data(), span_of(bytes).data());
  EXPECT_EQ(entries[2].bytes.size(), 0u);
  EXPECT_EQ(std::memcmp(entries[0].bytes.data(), "first", 5), 0);
}

using data::add_pax_header;
using data::add_to_tar;
using data::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes content() { return {'a', 'b', 'c'}; }

std::vector<std::string> names_in(const Bytes& tar) {
  std::vector<std::string> names;
  const Bytes whole = data::ended(tar);
  for (const TarEntry& entry : read_tar_index(std::as_bytes(std::span(whole)), "x.tar")) {
    EXPECT_EQ(entry.size_bytes, 3);
    EXPECT_EQ(whole[static_cast<size_t>(entry.offset_bytes)], 'a');
    names.push_back(entry.name);
  }
  return names;
}

std::string refusal_of(const Bytes& tar) {
  try {
    names_in(tar);
  } catch (const base::DataError& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return "";
}

// A name is bytes, in whatever characters, and whatever the locale is.
class TarNames : public ::testing::TestWithParam<const char*> {
 protected:
  TarNames() : before_(std::setlocale(LC_ALL, nullptr)) { std::setlocale(LC_ALL, GetParam()); }
  ~TarNames() override { std::setlocale(LC_ALL, before_.c_str()); }

 private:
  std::string before_;
};

TEST_P(TarNames, AreReadInEveryFormat) {
  const std::string utf8 = "\u00e9/\u732b.png", latin = "\xE9.png";
  const std::string many(60, 'n'), deep = many + "/\u00e9/" + many + ".png";
  Bytes tar;
  add_pax_header(tar, {{"path", utf8}});
  add_to_tar(tar, "x", content());
  add_pax_header(tar, {{"path", latin}});  // not UTF-8, against the standard
  add_to_tar(tar, "x", content());
  add_pax_header(tar, {{"hdrcharset", "BINARY"}, {"path", latin}});
  add_to_tar(tar, "x", content());
  add_pax_header(tar, {{"path", deep}});
  add_to_tar(tar, "x", content());
  add_to_tar(tar, utf8, content());
  add_to_tar(tar, latin, content());
  const std::string gnu = deep + std::string(1, '\0');
  add_to_tar(tar, "././@LongLink",
             std::span(reinterpret_cast<const uint8_t*>(gnu.data()), gnu.size()), 'L');
  add_to_tar(tar, "x", content());
  EXPECT_THAT(names_in(tar), ElementsAre(utf8, latin, latin, deep, utf8, latin, deep));
}

TEST_P(TarNames, OtherTextsOfAHeaderDoNotMatter) {
  Bytes tar;
  add_pax_header(tar, {{"uname", "Zo\u00eb"}, {"gname", "gr\u00f6\u00dfe"}, {"comment", "\u732b"}});
  add_to_tar(tar, "a", content());
  add_pax_header(tar, {{"uname", "Zo\xEB"}, {"comment", "\xEB"}, {"SWIN.note", "\xEB"}});
  add_to_tar(tar, "b", content());
  add_to_tar(tar, "c", content(), '0', "Zo\u00eb", "gr\xF6\xDF");
  add_to_tar(tar, "\u00e9/", Bytes(), '5', "Zo\u00eb");
  EXPECT_THAT(names_in(tar), ElementsAre("a", "b", "c"));
}

// What a tar must not hold is refused under such names, too.
TEST_P(TarNames, AreCheckedAsOthers) {
  for (const char* name :
       {"../\u00e9.png", "/\u00e9.png", "\u00e9/../../x", "\u00e9\n.png", "\u00e9\\x"}) {
    Bytes tar;
    add_pax_header(tar, {{"path", name}});
    add_to_tar(tar, "x", content());
    EXPECT_THAT(refusal_of(tar), HasSubstr("expected one that stays in the archive")) << name;
  }
  for (const char type : {'1', '2', '3', '6'})
    for (const char* target : {"\u00e9.png", "\xE9.png", "../\u00e9.png", "plain"}) {
      Bytes tar;
      add_pax_header(tar, {{"path", "\u00e9.png"}, {"linkpath", target}});
      add_to_tar(tar, "x", Bytes(), type);
      EXPECT_THAT(refusal_of(tar), HasSubstr("is a link or device, expected a file"))
          << type << target;
      tar.clear();
      add_to_tar(tar, "\u00e9.png", Bytes(), type, "", "", target);
      EXPECT_THAT(refusal_of(tar), HasSubstr("is a link or device, expected a file"))
          << type << target;
    }
}

INSTANTIATE_TEST_SUITE_P(Locales, TarNames, ::testing::Values("C", "C.UTF-8"));

}  // namespace
}  // namespace swin::files
