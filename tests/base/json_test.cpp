// Reading is strict and keeps the position of every value; writing preserves all bits.
#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/json_fault.h"
#include "base/random.h"

namespace swin::base {
namespace {

/// "line:column: message" for a text that must be refused.
std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "test");
    if (limits.comments || limits.max_bytes != JsonLimits{}.max_bytes)
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
      {"{\"a\":1,}", "1:8: found '}', expected a name in quotes"},
      {"[1,\n2", "2:2: found the end of the document, expected ',' or ']'"},
      {"[", "1:2: found the end of the document, expected a value"},
      {"]", "1:1: found ']', expected a value"},
      {"[1,]", "1:4: found ']', expected a value"},
      {"{", "1:2: found the end of the document, expected a name in quotes or '}'"},
      {"{\"a\"", "1:5: found the end of the document, expected ':'"},
      {"{\"a\" 1}", "1:6: found \"1\", expected ':'"},
      {"{\"a\":}", "1:6: found '}', expected a value"},
      {"{\"a\":1 \"b\":2}", "1:8: found a string, expected ',' or '}'"},
      {"{\"a\":[1}", "1:8: found '}', expected ',' or ']'"},
      {"{a: 1}", "1:2: found \"a\", expected a name in quotes or '}'"},
      {"{\"a\": 1}x", "1:9: found \"x\", expected the end of the document"},
      {"{} {}", "1:4: found '{', expected the end of the document"},
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
      {"[\"\xff\"]", "1:3: found byte 0xff, expected UTF-8"},
      {"[\"\xed\xa0\x80\"]", "1:3: found byte 0xed, expected UTF-8"},
      {"[\"\xc0\x80\"]", "1:3: found byte 0xc0, expected UTF-8"},
      {"[\xc3\xa9]", "1:2: found byte 0xc3, expected a value"},
      {"// no\n{}", "1:1: found '/', expected a value"},
      {"[01]", "1:2: found \"01\", expected a value"},
      {"[+1]", "1:2: found \"+1\", expected a value"},
      {"[.5]", "1:2: found \".5\", expected a value"},
      {"[1.]", "1:2: found \"1.\", expected a value"},
      {"[1e]", "1:2: found \"1e\", expected a value"},
      {"[-]", "1:2: found \"-\", expected a value"},
      {"[1 2]", "1:4: found \"2\", expected ',' or ']'"},
      {"[NaN]", "1:2: found \"NaN\", expected a value"},
      {"[-Infinity]", "1:2: found \"-Infinity\", expected a value"},
      {"[tru]", "1:2: found \"tru\", expected a value"},
      {"[nullify]", "1:2: found \"nullify\", expected a value"},
      {"abcdefghijklmnopqrstuvwxyz", "1:1: found \"abcdefghijklmnopqrstuvwx…\", expected a value"},
      {"'a'", "1:1: found ''', expected a value"},
      {"\"abc", "1:1: found a string without an end, expected '\"'"},
      {"\"abc\\", "1:1: found a string without an end, expected '\"'"},
      {"[\"a\nb\"]", "1:4: found the end of the line in a string, expected '\"' or \\n"},
      {"[\"a\tb\"]", "1:4: found byte 0x09 in a string, expected \\u0009"},
      {"[\"\\x\"]", "1:3: found 'x' after a backslash, expected one of \" \\ / b f n r t u"},
      {"[\"\\u00g0\"]", "1:3: found \\u without four digits, expected as in \\u00e9"},
      {"[\"\\ud800\"]", "1:3: found half of a surrogate pair, expected both as \\uD83D\\uDE00"},
      {"[\"\\udc00\"]", "1:3: found half of a surrogate pair, expected both as \\uD83D\\uDE00"},
  };
  for (const auto& c : cases) EXPECT_EQ(refusal(c.text), c.refusal) << c.text;
  JsonLimits limits;
  limits.comments = true;
  const auto with_comments = [&](std::string_view text) {
    try {
      parse_json(text, "test", limits);
    } catch (const JsonSyntaxError& error) {
      return std::to_string(error.position.column) + ": " + error.what;
    }
    return std::string("accepted");
  };
  EXPECT_EQ(with_comments("[1, /* a"), "5: found a comment without an end, expected */");
  EXPECT_EQ(with_comments("/ {}"), "1: found '/', expected a value");
  EXPECT_EQ(with_comments("{} // a"), "accepted");
}

// parse_json decides and find_json_fault explains: they must agree on every text.
TEST(Json, EveryRefusalIsExplained) {
  const std::string whole =
      "{\"a\": [1, -2.5e3, true, null, \"x\\n\\u00e9\\ud83d\\ude00é\", {}], // b\n"
      " /* c */ \"d\": {\"e\": [[], \"\"]}}";
  constexpr std::string_view kBytes("{}[]:,\"\\/*-+.019eEutn \n\x01\xc3\x80\xff\0", 28);
  static_assert(kBytes.back() == '\0' && kBytes[26] == '\xff');
  JsonLimits limits;
  limits.comments = true;
  EXPECT_FALSE(find_json_fault(whole, true));
  int refused = 0, accepted = 0;
  for (uint64_t number = 0; number < 20'000; ++number) {
    uint64_t k = 0;
    const auto draw = [&](uint64_t below) { return Random(number, "json", k++).bits(0) % below; };
    std::string text = whole;
    for (uint64_t changes = 1 + draw(3); changes > 0; --changes) {
      const size_t at = draw(text.size());
      if (draw(3) == 0)
        text.erase(at, 1 + draw(4));
      else
        text[at] = kBytes[draw(kBytes.size())];
    }
    const auto fault = find_json_fault(text, true);
    try {
      parse_json(text, "test", limits);
      ++accepted;
      EXPECT_FALSE(fault) << text << "\n" << fault->offset << ": " << fault->what;
    } catch (const JsonSyntaxError& error) {
      ++refused;
      // Refused by parse_json though the grammar allows it.
      if (error.what.find("a second time") != std::string::npos ||
          error.what == "found byte 0x00, expected text" ||
          error.what.find("64") != std::string::npos)
        continue;
      ASSERT_TRUE(fault) << text << "\n" << error.what;
      EXPECT_EQ(error.what, fault->what);
    }
  }
  EXPECT_GT(refused, 5'000);
  EXPECT_GT(accepted, 1'000);
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
