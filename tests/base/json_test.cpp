// Reading is strict and keeps the position of every value; writing preserves all bits.
#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/errors.h"

namespace swin::base {
namespace {

/// "line:column: message" for a text that must be refused.
std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "test");
    if (limits.comments || limits.max_bytes != JsonLimits{}.max_bytes ||
        limits.max_token_bytes != JsonLimits{}.max_token_bytes)
      parse_json(text, "test", limits);
  } catch (const JsonSyntaxError& error) {
    return std::to_string(error.position.line) + ":" + std::to_string(error.position.column) +
           ": " + error.what;
  }
  return "accepted";
}

Json parse(std::string_view text) {
  try {
    return parse_json(text, "test");
  } catch (const JsonSyntaxError& error) {
    ADD_FAILURE() << text << ": " << error.what;
    return {};
  }
}

TEST(Json, KeepsIntegersAndRealsApart) {
  const Json json = parse("[1, 1.0, -9223372036854775808, 9223372036854775807, 1e3, -0.0]");
  const auto& items = json.items();
  EXPECT_TRUE(items[0].is_integer());
  EXPECT_FALSE(items[1].is_integer());
  EXPECT_TRUE(items[1].is_number());
  EXPECT_EQ(items[2].as_int(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(items[3].as_int(), std::numeric_limits<int64_t>::max());
  EXPECT_FALSE(items[4].is_integer());
  EXPECT_TRUE(std::signbit(items[5].as_real()));
  EXPECT_EQ(items[0].as_real(), 1.0);
  EXPECT_THROW(items[1].as_int(), InternalError);
  EXPECT_THROW(items[0].as_string(), InternalError);
}

TEST(Json, KeepsTheOrderOfMembers) {
  const Json json = parse(R"({"z": 1, "a": 2, "m": {"y": null, "b": true}})");
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json.members()[0].first, "z");
  EXPECT_EQ(json.members()[2].first, "m");
  EXPECT_TRUE(json.at("m").at("y").is_null());
  EXPECT_EQ(json.find("q"), nullptr);
  EXPECT_THROW(json.at("q"), InternalError);
}

TEST(Json, KeepsThePositionOfEveryValue) {
  JsonLimits limits;
  limits.comments = true;
  const Json json = parse_json(
      "// a { comment, with \" marks\n"
      "{\n"
      "  \"a\": 1, /* over\n two lines */ \"b\" : \"x\\\"}\\\\\",\n"
      "  \"c\": [true,\n"
      "    -2.5e3, {\"d\":null}]\n"
      "}\n",
      "f.json", limits);
  const auto at = [](const Json& value) {
    return std::to_string(value.position.line) + ":" + std::to_string(value.position.column);
  };
  EXPECT_EQ(at(json), "2:1");
  EXPECT_EQ(at(json.at("a")), "3:8");
  EXPECT_EQ(at(json.at("b")), "4:21");
  EXPECT_EQ(json.at("b").as_string(), "x\"}\\");
  EXPECT_EQ(at(json.at("c")), "5:8");
  EXPECT_EQ(at(json.at("c").items()[0]), "5:9");
  EXPECT_EQ(at(json.at("c").items()[1]), "6:5");
  EXPECT_EQ(at(json.at("c").items()[2].at("d")), "6:18");
  EXPECT_EQ(json.at("c").items()[2].at("d").source, "f.json");
}

TEST(Json, RefusesWithPositionAndReason) {
  const struct {
    std::string_view text, refusal;
  } cases[] = {
      {"", "1:1: found the end of the document, expected a value"},
      {" \n", "2:1: found the end of the document, expected a value"},
      {"{\"a\":1,}", "1:8: found \"}\", expected valid JSON"},
      {"[1,\n2", "2:2: found the end of the document, expected valid JSON"},
      {"{\"a\" 1}", "1:6: found \"1\", expected valid JSON"},
      {"{a: 1}", "1:2: found \"a\", expected valid JSON"},
      {"{\"a\": 1}x", "1:9: found \"x\", expected valid JSON"},
      {"{\"a\":1 \"b\":2}", "1:10: found a string, expected valid JSON"},
      {"{} {}", "1:4: found \"{\", expected valid JSON"},
      {std::string_view("{}\0x", 4), "1:3: found byte 0x00, expected text"},
      {"{\"a\":1,\n \"a\":2}",
       "2:2: found \"a\" a second time (first in line 1), expected each name once"},
      {"{\"o\":{\"b\":1,\n\"b\":2}}",
       "2:1: found \"o.b\" a second time (first in line 1), expected each name once"},
      {"{\"a\":1,\"\\u0061\":2}",
       "1:8: found \"a\" a second time (first in line 1), expected each name once"},
      {"[1, 1e999]", "1:5: found number 1e999, expected one that fits a 64-bit real"},
      {"[\n 99999999999999999999]",
       "2:2: found integer 99999999999999999999, expected one that fits 64 bits"},
      {"[9223372036854775808]",
       "1:2: found integer 9223372036854775808, expected one that fits 64 bits"},
      {"[-9223372036854775809]",
       "1:2: found integer -9223372036854775809, expected one that fits 64 bits"},
      {"[\"\xff\"]", "1:3: found a string with bytes that are not UTF-8, expected UTF-8"},
      {"[\"\xc0\x80\"]", "1:3: found a string with bytes that are not UTF-8, expected UTF-8"},
      {"[\"a\nb\"]", "1:4: found a control character in a string, expected an escape such as \\n"},
      {"[\"C:\\data\"]",
       "1:6: found a backslash in a string, expected it before one of \" \\ / b f n r t or u and "
       "four "
       "hexadecimal digits; write the backslash itself as \\\\"},
      {"\"abc", "1:5: found a string without its end, expected a closing \""},
      {"[\xc3\xa9]", "1:2: found a character that is not ASCII, expected valid JSON"},
      {"// no\n{}", "1:1: found \"/\", expected valid JSON"},
      {"[tru]", "1:2: found \"tru\", expected valid JSON"},
  };
  for (const auto& c : cases) EXPECT_EQ(refusal(c.text), c.refusal) << c.text;
  for (const char* text :
       {"[01]", "[+1]", "[.5]", "[1.]", "[NaN]", "[Infinity]", "'a'", "[\"\\x\"]", "[\"\\ud800\"]",
        "[1 2]", "[", "]", "nul", "{", "{\"a\"", "{\"a\":}", "[1,]"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

TEST(Json, RefusesExcessiveDepthAndSize) {
  EXPECT_EQ(refusal(std::string(1'000'000, '[')), "1:65: found nesting deeper than 64 levels");
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "accepted");
  EXPECT_EQ(refusal(std::string(65, '[') + std::string(65, ']')),
            "1:65: found nesting deeper than 64 levels");
  JsonLimits limits;
  limits.max_bytes = 4;
  EXPECT_EQ(refusal("[1,2]", limits), "1:1: found 5 bytes, expected at most 4");
  EXPECT_EQ(refusal("[12]", limits), "accepted");
}

/// Every token as text, with its place.
class Tokens final : public JsonVisitor {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}
  void null() override { add("null"); }
  void boolean(bool value) override { add(value ? "true" : "false"); }
  void integer(int64_t value) override { add(std::to_string(value)); }
  void real(double value) override { add(to_text(Json(value))); }
  void string(std::string& value) override { add("'" + value + "'"); }
  void key(std::string& name) override { add(name + ":"); }
  void open(bool object) override { add(object ? "{" : "["); }
  void close() override { add("close"); }
  std::string all;

 private:
  void add(const std::string& token) {
    all += token + "=" + std::string(text_.substr(begin, end - begin)) + " ";
  }
  std::string_view text_;
};

TEST(Json, VisitorsGetEveryTokenAndItsPlace) {
  const std::string text =
      "\xEF\xBB\xBF { \"a\" : [1,-2 ,3.50,\"x\\\"y\"] ,\"a\":null, \"b\": true}\n";
  Tokens tokens(text);
  visit_json(text, tokens);
  EXPECT_EQ(tokens.all,
            "{={ a:=\"a\" [=[ 1=1 -2=-2 3.5=3.50 'x\"y'=\"x\\\"y\" close=] a:=\"a\" null=null "
            "b:=\"b\" true=true close=} ");
  for (const char* number : {"12", "12 ", "-0.5e3"}) {
    Tokens alone(number);
    visit_json(number, alone);
    EXPECT_NE(alone.all.find(number[0] == '-' ? "=-0.5e3 " : "=12 "), std::string::npos) << number;
  }
}

TEST(Json, TokensAreLimited) {
  JsonLimits limits;
  limits.max_token_bytes = 9;
  EXPECT_EQ(refusal("[\"1234567\", 123456, 1.5]", limits), "accepted");
  const std::string words =
      "found a string, number or space of more than 9 bytes, expected shorter ones";
  EXPECT_EQ(refusal("[\"1234567\", \"123456789\"]", limits), "1:20: " + words);
  EXPECT_EQ(refusal("[1,           2]", limits), "1:13: " + words);
}

TEST(Json, ReadsManyNamesInLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 50'000; ++i)
    text += "\"name" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  text += "\"last\":0}";
  EXPECT_EQ(parse(text).size(), 50'001u);
}

TEST(Json, WritesWhatItReads) {
  const std::string text =
      R"({"a":1,"b":1.0,"c":[1e-08,0.1,-0.0,1e+300],"d":"line\n\"quote\"\\ \u0001 é €","e":null,"f":{},"g":[]})";
  const Json json = parse(text);
  EXPECT_EQ(to_text(json), text);
  EXPECT_EQ(parse(to_text(json, 2)), json);
  for (double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 1e21, 123456789.125}) {
    const Json list = parse("[" + to_text(Json(value)) + "]");
    EXPECT_EQ(list.items()[0].as_real(), value);
    EXPECT_FALSE(list.items()[0].is_integer());
  }
  EXPECT_EQ(to_text(Json(std::nan(""))), "null");
  EXPECT_EQ(to_text(Json(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(to_text(Json("a\xff"
                         "b")),
            "\"a\xEF\xBF\xBD"
            "b\"");  // a file name may hold any bytes
}

TEST(Json, IndentsObjectsAndKeepsShortListsOnOneLine) {
  const Json json = parse(R"({"depths":[2,2],"list":[{"a":1}],"empty":{}})");
  EXPECT_EQ(to_text(json, 2),
            "{\n  \"depths\": [2, 2],\n  \"list\": [\n    {\n      \"a\": 1\n    }\n  ],\n"
            "  \"empty\": {}\n}");
}

TEST(Json, ComparesValuesNotPositions) {
  EXPECT_EQ(parse("{\"a\": 1, \"b\": [2]}"), parse("{\n\"b\":[2],\"a\":1.0}"));
  EXPECT_FALSE(parse("[1, 2]") == parse("[2, 1]"));
  EXPECT_FALSE(parse("{\"a\": null}") == parse("{}"));
  EXPECT_FALSE(parse("0") == parse("false"));
}

TEST(Json, BuildsInMemory) {
  Json json;
  json["a"]["b"] = 3;
  json["list"].push_back("x");
  EXPECT_EQ(to_text(json), R"({"a":{"b":3},"list":["x"]})");
  EXPECT_THROW(json["list"]["b"], InternalError);
  EXPECT_EQ(to_text(Json::array_of(std::vector<int64_t>{1, 2})), "[1,2]");
}

}  // namespace
}  // namespace swin::base
