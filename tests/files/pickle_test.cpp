#include "files/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "tests/files/test_files.h"
#include "tests/files/torch_bytes.h"
#include "tests/support/heap_meter.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using testing::code_of;
using ::testing::ElementsAre;
using testing::global;
using ::testing::HasSubstr;
using testing::number;
using testing::pickle_of;
using testing::raw;
using testing::span_of;
using testing::text;
using Kind = PickleValue::Kind;
using namespace std::string_literals;  // instructions hold zero bytes

TEST(Pickle, ReadsEveryKindOfValue) {
  struct Case {
    const char* what;
    std::string code;
    Kind kind;
    int64_t integer;
  };
  const std::string five(1, '\5');
  const Case cases[] = {
      {"none", "N", Kind::none, 0},
      {"true", "\x88", Kind::boolean, 1},
      {"false", "\x89", Kind::boolean, 0},
      {"byte", "K\xff", Kind::integer, 255},
      {"two bytes", "M\x01\xff", Kind::integer, 0xff01},
      {"four bytes", "J\xff\xff\xff\xff", Kind::integer, -1},
      {"long of none", "\x8a\0"s, Kind::integer, 0},
      {"long of one", "\x8a\1\xfe", Kind::integer, -2},
      {"long of six", "\x8a\6\1\0\0\0\0\1"s, Kind::integer, (int64_t{1} << 40) + 1},
      {"long of seven, negative", "\x8a\7\0\0\0\0\0\0\x80"s, Kind::integer, -(int64_t{1} << 55)},
      {"long of eight", number(INT64_MIN), Kind::integer, INT64_MIN},
      {"memo", "K\x07q\0000h\0"s, Kind::integer, 7},
      {"long memo", "K\x07r\0\0\0\0000j\0\0\0\0"s, Kind::integer, 7},
      {"memoize",
       "K\x07\x94"
       "0K\x08\x94"
       "0h\0"s,
       Kind::integer, 7},
      {"pop to mark",
       "K\x07(K\1K\2"
       "1",
       Kind::integer, 7},
      {"framed", "\x95" + raw<uint64_t>(3) + "K\x09", Kind::integer, 9},
  };
  for (const Case& row : cases) {
    const std::string bytes = pickle_of(row.code) + "what follows";
    const Pickle pickle(span_of(bytes), "file", bytes.size());
    EXPECT_EQ(pickle.root().kind, row.kind) << row.what;
    if (row.kind != Kind::none) {
      EXPECT_EQ(pickle.root().integer, row.integer) << row.what;
    }
    EXPECT_EQ(pickle.size_bytes(), bytes.size() - 12) << row.what;
  }

  const std::string real = pickle_of("G\xbf\xf8\0\0\0\0\0\0"s);
  EXPECT_EQ(Pickle(span_of(real), "file", real.size()).root().real, -1.5);
  for (const std::string& code :
       {text("wörd"), "\x8c" + five + "wörd", "\x8d" + raw<uint64_t>(5) + "wörd",
        "U" + five + "wörd", "T" + raw<uint32_t>(5) + "wörd"}) {
    const std::string bytes = pickle_of(code);
    const Pickle pickle(span_of(bytes), "file", bytes.size());
    EXPECT_EQ(pickle.root().kind, Kind::text);
    EXPECT_EQ(pickle.text(pickle.root()), "wörd");
  }
  for (const std::string& code :
       {"C" + five + "wörd", "B" + raw<uint32_t>(5) + "wörd", "\x8e" + raw<uint64_t>(5) + "wörd",
        "\x96" + raw<uint64_t>(5) + "wörd"}) {
    const std::string bytes = pickle_of(code);
    const Pickle pickle(span_of(bytes), "file", bytes.size());
    EXPECT_EQ(pickle.root().kind, Kind::bytes);
    EXPECT_EQ(pickle.text(pickle.root()), "wörd");
  }
  const std::string large = pickle_of("\x8a\x0a" + std::string(10, '\1'));
  EXPECT_EQ(Pickle(span_of(large), "file", large.size()).root().kind, Kind::long_integer);
}

TEST(Pickle, ReadsContainers) {
  const auto sizes = [](const std::string& code, Kind kind) {
    const std::string bytes = pickle_of(code);
    const Pickle pickle(span_of(bytes), "file", bytes.size());
    EXPECT_EQ(pickle.root().kind, kind);
    std::vector<int64_t> values;
    for (const PickleValue& item : pickle.items(pickle.root()))
      values.push_back(item.kind == Kind::integer ? item.integer : -1);
    return values;
  };
  EXPECT_THAT(sizes("]", Kind::list), ElementsAre());
  EXPECT_THAT(sizes("]K\1aK\2a", Kind::list), ElementsAre(1, 2));
  EXPECT_THAT(sizes("](K\1K\2e", Kind::list), ElementsAre(1, 2));
  EXPECT_THAT(sizes(")", Kind::tuple), ElementsAre());
  EXPECT_THAT(sizes("K\1\x85", Kind::tuple), ElementsAre(1));
  EXPECT_THAT(sizes("K\1K\2\x86", Kind::tuple), ElementsAre(1, 2));
  EXPECT_THAT(sizes("K\1K\2K\3\x87", Kind::tuple), ElementsAre(1, 2, 3));
  EXPECT_THAT(sizes("(K\1K\2K\3K\4t", Kind::tuple), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(sizes("\x8f(K\1K\2\x90", Kind::set), ElementsAre(1, 2));
  EXPECT_THAT(sizes("(K\1\x91", Kind::set), ElementsAre(1));
  EXPECT_THAT(sizes("}(K\1K\2K\3K\4u", Kind::dict), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(sizes("}K\1K\2s", Kind::dict), ElementsAre(1, 2));
  // Python 2 makes an OrderedDict of a list of lists.
  EXPECT_THAT(
      sizes(global("collections", "OrderedDict") + "](](K\1K\2e](K\3K\4ee\x85R", Kind::dict),
      ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(sizes(global("torch", "Size") + "(K\1K\2t\x85R", Kind::tuple), ElementsAre(1, 2));
  // A list that contains itself is harmless, because nothing walks through it.
  EXPECT_THAT(sizes("]q\0h\0a"s, Kind::list), ElementsAre(-1));
}

TEST(Pickle, FindsTheLastValueOfAKey) {
  const std::string bytes =
      pickle_of("}(" + text("a") + "K\1" + text("b") + "K\2" + text("a") + "K\3u");
  const Pickle pickle(span_of(bytes), "file", bytes.size());
  ASSERT_NE(pickle.find(pickle.root(), "a"), nullptr);
  EXPECT_EQ(pickle.find(pickle.root(), "a")->integer, 3);
  EXPECT_EQ(pickle.find(pickle.root(), "c"), nullptr);
  EXPECT_EQ(pickle.find(PickleValue(), "a"), nullptr);
}

TEST(Pickle, ReadsTensors) {
  const std::string tensor = code_of({.key = "7", .stored = 9, .offset = 2, .type = "HalfStorage"});
  for (const std::string& code :
       {tensor, global("torch._utils", "_rebuild_parameter") + "(" + tensor + "\x89)tR",
        global("torch._utils", "_rebuild_parameter_with_state") + "(" + tensor + "\x89)}tR",
        global("torch._tensor", "_rebuild_from_type_v2") + "(" +
            tensor.substr(0, tensor.find('(')) + global("torch", "Tensor") +
            tensor.substr(tensor.find('('), tensor.size() - tensor.find('(') - 1) + "}tR"}) {
    const std::string bytes = pickle_of(code);
    const Pickle pickle(span_of(bytes), "file", bytes.size());
    ASSERT_EQ(pickle.root().kind, Kind::tensor);
    const PickleTensor& read = pickle.tensor(pickle.root());
    EXPECT_EQ(read.offset, 2);
    EXPECT_EQ(pickle.items(read.shape).size(), 2u);
    const PickleStorage& storage = pickle.storages().at(read.storage);
    EXPECT_EQ(storage.key, "7");
    EXPECT_EQ(storage.dtype, DType::f16);
    EXPECT_EQ(storage.num_elements, 9);
    EXPECT_FALSE(storage.is_view);
  }
}

TEST(Pickle, KeepsHarmlessObjectsOpaque) {
  for (const std::string& code : {
           global("argparse", "Namespace") + ")\x81}" + text("lr") + "K\1sb",
           global("pathlib", "PosixPath") + text("a") + "\x85R",
           global("collections", "deque") + ")R(K\1K\2e",
           global("numpy.core.multiarray", "scalar") + global("numpy", "dtype") + text("f8") +
               "\x89\x88\x87R" + "C\0"s + "\x86R",
           global("types", "SimpleNamespace") + ")}\x92",
           global("__builtin__", "bytearray") + ")R",
           global("__builtin__", "bytes") + ")R",
           global("__builtin__", "xrange") + "K\0K\3K\1\x87R"s,
           global("__builtin__", "slice") + "K\1K\2N\x87R",
           global("builtins", "range") + "K\3\x85R",
           global("datetime", "timezone") + global("datetime", "timedelta") + ")R\x85R",
           global("uuid", "UUID") + ")\x81}" + text("int") + "K\1sb",
           global("torchvision.transforms.functional", "InterpolationMode") + text("a") + "\x85R",
           text("numpy") + text("dtype") + "\x93)R",
           global("__builtin__", "getattr") +
               global("mmengine.logging.history_buffer", "HistoryBuffer") + text("min") + "\x86R",
       }) {
    const std::string bytes = pickle_of(code);
    EXPECT_EQ(Pickle(span_of(bytes), "file", bytes.size()).root().kind, Kind::opaque) << code;
  }
  // A type itself remains a global.
  const std::string type = pickle_of(global("numpy", "float32"));
  EXPECT_EQ(Pickle(span_of(type), "file", type.size()).root().kind, Kind::global);
  // A config is a dict; its attributes are dropped.
  const std::string config = pickle_of(global("yacs.config", "CfgNode") + ")\x81(" + text("a") +
                                       "K\1u}" + text("__x__") + "\x88sb");
  const Pickle pickle(span_of(config), "file", config.size());
  EXPECT_EQ(pickle.find(pickle.root(), "a")->integer, 1);
  EXPECT_EQ(pickle.find(pickle.root(), "__x__"), nullptr);
}

TEST(Pickle, RefusesByName) {
  struct Case {
    std::string code;
    const char* expected;
  };
  const std::string size = global("torch", "Size"), dict = global("collections", "OrderedDict");
  const Case cases[] = {
      {global("posix", "system") + text("touch x") + "\x85R",
       "the global posix.system (os.system)"},
      {global("nt", "system") + text("x") + "\x85R", "nt.system (os.system)"},
      {global("os", "system"), "the global os.system"},
      {text("os") + text("system") + "\x93", "the global os.system"},
      {global("builtins", "eval"), "the global builtins.eval"},
      {global("__builtin__", "eval"), "the global __builtin__.eval"},
      {global("numpy", "load"), "the global numpy.load"},
      {global("__builtin__", "slice") + ")R" + text("x") + "\x85R", "other than a global"},
      {global("__builtin__", "getattr") + global("torch", "FloatStorage") + text("x") + "\x86R",
       "a call of __builtin__.getattr"},
      {global("builtins", "getattr") + ")" + text("x") + "\x86R", "a call of builtins.getattr"},
      {global("builtins", "getattr") + global("os", "path"), "the global os.path"},
      {global("builtins", "getattr") + global("argparse", "Namespace") + text("x") + "\x86R)R",
       "a call of something other than a global"},
      {global("builtins", "getattr") + ")\x81", "an object of getattr"},
      {global("subprocess", "Popen"), "the global subprocess.Popen"},
      {global("collections", "OrderedDict.__init__"),
       "the global collections.OrderedDict.__init__"},
      {global("torch.storage", "_load_from_bytes"), "torch.storage._load_from_bytes"},
      {global("torch", "UntypedStorage"), "the global torch.UntypedStorage"},
      {global("torch.storage", "TypedStorage"), "torch.storage.TypedStorage"},
      {global("torch", "load"), "the global torch.load"},
      {global("torch.nn.modules.linear", "Linear"), "torch.nn.modules.linear.Linear"},
      {global("os\x1b[31m", "system"), "the global os?[31m.system"},
      {global("m", std::string(500, 'x')), "x…"},
      {"ios\nsystem\n", "the instruction INST"},
      {"(o", "the instruction OBJ"},
      {"P1\n", "the instruction PERSID"},
      {"I1\n", "the instruction INT"},
      {"\x82\1", "the instruction EXT1"},
      {"\x97", "the instruction NEXT_BUFFER"},
      {"\x8b\1\0\0\0\1"s, "the instruction LONG4"},
      {"\xff", "byte 255, expected an instruction"},
      {"", "empty stack"},
      {"K\1K\2", "values left on the stack"},
      {"(K\1", "values left on the stack"},
      {"K\1(0", "empty stack"},
      {"a", "empty stack"},
      {"N)a", "items for something other than a list"},
      {"t", "no mark"},
      {"](K\1s", "empty stack"},
      {"}(K\1u", "a key without a value"},
      {"](K\1K\2u", "items for something other than a dict"},
      {"}(K\1e", "items for something other than a list or set"},
      {"](K\1\x90", "items for something other than a list or set"},
      {"N(u", "items for something other than a dict"},
      {"h\0"s, "memo number 0, expected one below 0"},
      {"Nj\xff\xff\xff\xff", "memo number 4294967295"},
      {"Nr\xff\xff\xff\xff", "memo number 4294967295, expected at most 0"},
      {"Nq\1", "memo number 1, expected at most 0"},
      {"q\0"s, "empty stack"},
      {"X\xff\xff\xff\xffword", "more bytes, expected 4294967295: it is truncated"},
      {"\x8d" + raw(~uint64_t{0}), "truncated"},
      {"\x8a\x09word", "truncated"},
      {"\x95" + raw(~uint64_t{0}), "frame beyond the end"},
      {"\x80\1", "protocol 1, expected 2 to 5"},
      {"\x80\6", "protocol 6, expected 2 to 5"},
      {"cos", "a line without an end"},
      {"cos\nsystem", "a line without an end"},
      {"K\1K\2\x93", "a global without a name"},
      {"N)R", "a call of something other than a global"},
      {global("torch", "FloatStorage") + ")R", "a call of torch.FloatStorage"},
      {size + ")R", "Size with other arguments, expected 1 or more"},
      {size + "K\1\x85R", "torch.Size without a tuple"},
      {size + ")\x81", "an object of Size"},
      {dict + "NR", "OrderedDict with other arguments"},
      {dict + "K\1\x85R", "OrderedDict without a list"},
      {dict + "]K\1a\x85R", "OrderedDict of other items"},
      {"K\1)\x81", "other than a global"},
      {"K\1}b", "attributes of a plain value"},
      {global("torch._utils", "_rebuild_tensor_v2") + "(K\1K\2K\3tR",
       "_rebuild_tensor_v2 with other arguments"},
      {global("torch._utils", "_rebuild_tensor_v2") + "(K\1K\2K\3K\4tR",
       "a tensor with other arguments"},
      {global("torch._utils", "_rebuild_parameter") + "K\1\x85R", "a parameter without a tensor"},
      {global("torch._tensor", "_rebuild_from_type_v2") + "q\0(h\0h\0(h\0h\0)ttR"s, "nested calls"},
      {"K\1Q", "a persistent id that is not a tuple"},
      {")Q", "another persistent id"},
      {text("module") + "\x85Q", "a pickled module"},
      {"(" + text("storage") + global("torch", "Size") + text("0") + text("cpu") + "K\1tQ",
       "a storage of type Size"},
      {"(" + text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") + "NtQ",
       "another persistent id"},
      {"(" + text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") +
           "K\1K\1tQ",
       "another view of a storage"},
  };
  for (const Case& row : cases) {
    const std::string bytes = pickle_of(row.code);
    EXPECT_THAT(
        message_of<base::WeightError>([&] { Pickle(span_of(bytes), "x.pth", bytes.size()); }),
        AllOf(HasSubstr("x.pth: byte "), HasSubstr(row.expected), HasSubstr("; ")))
        << ::testing::PrintToString(row.code);
  }
}

TEST(Pickle, EveryTruncationIsRefused) {
  const std::string whole = pickle_of("}" + text("w") + code_of({}) + "s");
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_THROW(Pickle(span_of(cut), "x", cut.size()), base::WeightError) << size;
  }
}

// Short programs that need much memory: each is stopped before it takes far more than its size.
TEST(Pickle, CannotTakeMuchMemory) {
  std::string dict = global("collections", "OrderedDict") + "q\0]("s;
  for (int i = 0; i < 1000; ++i) dict += "NN\x86";
  dict += "eq\1"s;
  for (int i = 0; i < 2000; ++i) dict += "h\0h\1\x85R"s;  // 2000 times 1000 pairs
  std::string memo = "N";
  for (uint32_t i = 0; i < 150'000; ++i) memo += "r" + raw(i);
  const std::pair<const char*, std::string> programs[] = {
      {"lists", std::string(300'000, ']')},
      {"values", std::string(300'000, 'N')},
      {"marks", std::string(300'000, '(')},
      {"tuples", "N" + std::string(300'000, '\x85')},
      {"copied pairs", dict},
      {"memo", memo},
  };
  for (const auto& [what, code] : programs) {
    const std::string bytes = pickle_of(code);
    const testing::HeapMeter heap;
    try {
      const Pickle pickle(span_of(bytes), "x", bytes.size());
    } catch (const base::WeightError&) {
    }
    EXPECT_LT(heap.peak_bytes(), 15'000'000) << what;
  }
  // A large file may have more instructions, up to a limit.
  const std::string many = pickle_of(std::string(1'100'000, 'N'));
  for (const auto& [file_bytes, expected] :
       {std::pair(many.size(), "more than 200000 instructions"),
        std::pair(size_t{4'000'000}, "more than 500000 instructions"),
        std::pair(size_t{100'000'000}, "more than 1000000 instructions")})
    EXPECT_THAT(message_of<base::WeightError>([&] { Pickle(span_of(many), "x", file_bytes); }),
                HasSubstr(expected));
}

}  // namespace
}  // namespace swin::files
