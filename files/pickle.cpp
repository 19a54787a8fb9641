#include "files/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "files/pickle_objects.h"

namespace swin::files {
/// Runs one pickle.
class PickleMachine : PickleObjects {
 public:
  PickleMachine(ByteSpan bytes, const std::string& where, size_t file_bytes, Pickle& pickle)
      : PickleObjects(where,
                      std::clamp(static_cast<int64_t>(file_bytes) / Pickle::kBytesPerInstruction,
                                 Pickle::kMinInstructions, Pickle::kMaxInstructions),
                      pickle) {
    text_ = files::text_of(bytes).substr(0, Pickle::kMaxBytes);
    pickle_.text_ = text_;
  }

  void run() {
    while (!stopped_) {
      charge(1);
      step(static_cast<uint8_t>(take(1).front()));
    }
    pickle_.size_bytes_ = at_;
  }

 private:
  // The bytes.
  std::string_view take(uint64_t count) {
    if (count > text_.size() - at_)
      refuse("found " + std::to_string(text_.size() - at_) + " more bytes, expected " +
             std::to_string(count) + ": it is truncated");
    const std::string_view taken = text_.substr(at_, count);
    at_ += count;
    return taken;
  }
  template <class T>
  T take_number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(),
                sizeof value);  // little-endian, like this machine
    return value;
  }
  std::string_view take_line() {
    const size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) refuse("found a line without an end, expected one");
    const std::string_view line = text_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  void push_text(Kind kind, uint64_t size) {
    const size_t begin = at_;
    take(size);
    push(text(kind, begin, size));
  }

  // The stack. Values below the last mark cannot be reached.
  size_t fence() const { return marks_.empty() ? 0 : marks_.back(); }
  void push(const PickleValue& value) { stack_.push_back(value); }
  PickleValue pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() {
    if (stack_.size() <= fence()) refuse("found an empty stack, expected a value");
    return stack_.back();
  }
  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) refuse("found no mark, expected one");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> values(begin, stack_.end());
    charge(static_cast<int64_t>(values.size()));
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }
  std::vector<PickleValue> pop_many(size_t count) {
    std::vector<PickleValue> values(count);
    for (size_t i = count; i > 0; --i) values[i - 1] = pop();
    return values;
  }

  void memoize(uint64_t id) {
    // Every writer numbers them from 0 without gaps.
    if (id > memo_.size())
      refuse("found memo number " + std::to_string(id) + ", expected at most " +
             std::to_string(memo_.size()));
    if (id == memo_.size()) memo_.emplace_back();
    memo_[id] = top();
  }
  void recall(uint64_t id) {
    if (id >= memo_.size())
      refuse("found memo number " + std::to_string(id) + ", expected one below " +
             std::to_string(memo_.size()));
    push(memo_[id]);
  }

  // Containers.
  void add_items(const std::vector<PickleValue>& values, Kind kind) {
    const PickleValue target = top();
    if (kind == Kind::dict && values.size() % 2 != 0)
      refuse("found a key without a value, expected pairs");
    if (target.kind == Kind::opaque) return;
    if (target.kind != kind)
      refuse(kind == Kind::dict
                 ? "found items for something other than a dict, expected one"
                 : "found items for something other than a list or set, expected one of them");
    auto& list = items(target);
    list.insert(list.end(), values.begin(), values.end());
  }

  void push_long(uint64_t size) {
    if (size > sizeof(int64_t)) return push_text(Kind::long_integer, size);
    const std::string_view taken = take(size);
    int64_t number = 0;
    std::memcpy(&number, taken.data(), size);
    if (size > 0 && size < sizeof number && (taken.back() & 0x80))
      number |= static_cast<int64_t>(~uint64_t{0} << (8 * size));  // the sign
    push(integer(number));
  }

  void build() {
    pop();  // attributes of an object: _metadata of a state dict, the contents of a config
    const Kind kind = top().kind;
    if (kind != Kind::dict && kind != Kind::opaque && kind != Kind::set)
      refuse("found attributes of a plain value, expected an object's");
  }

  void stop() {
    pickle_.root_ = pop();
    if (!stack_.empty() || !marks_.empty())
      refuse("found values left on the stack at the end, expected one");
    stopped_ = true;
  }

  /// One instruction, in the order of pickletools.
  void step(uint8_t code) {
    switch (code) {
      case 'J':
        return push(integer(take_number<int32_t>()));
      case 'K':
        return push(integer(take_number<uint8_t>()));
      case 'M':
        return push(integer(take_number<uint16_t>()));
      case 0x8a:  // LONG1
        return push_long(take_number<uint8_t>());
      case 'T':  // BINSTRING, Python 2
        return push_text(Kind::text, take_number<uint32_t>());
      case 'U':
        return push_text(Kind::text, take_number<uint8_t>());
      case 'B':
        return push_text(Kind::bytes, take_number<uint32_t>());
      case 'C':
        return push_text(Kind::bytes, take_number<uint8_t>());
      case 0x8e:  // BINBYTES8
      case 0x96:  // BYTEARRAY8
        return push_text(Kind::bytes, take_number<uint64_t>());
      case 'N':
        return push(value_of(Kind::none));
      case 0x88:
        return push(integer(true, Kind::boolean));
      case 0x89:
        return push(integer(false, Kind::boolean));
      case 'X':
        return push_text(Kind::text, take_number<uint32_t>());
      case 0x8c:  // SHORT_BINUNICODE
        return push_text(Kind::text, take_number<uint8_t>());
      case 0x8d:  // BINUNICODE8
        return push_text(Kind::text, take_number<uint64_t>());
      case 'G': {  // big-endian
        PickleValue value = value_of(Kind::real);
        value.real = std::bit_cast<double>(__builtin_bswap64(take_number<uint64_t>()));
        return push(value);
      }
      case ']':
        return push(sequence(Kind::list, {}));
      case 'a':
        return add_items({pop()}, Kind::list);
      case 'e':
        return add_items(pop_to_mark(), Kind::list);
      case ')':
        return push(sequence(Kind::tuple, {}));
      case 't':
        return push(sequence(Kind::tuple, pop_to_mark()));
      case 0x85:
      case 0x86:
      case 0x87:
        return push(sequence(Kind::tuple, pop_many(code - 0x84u)));
      case '}':
        return push(sequence(Kind::dict, {}));
      case 's':
        return add_items(pop_many(2), Kind::dict);
      case 'u':
        return add_items(pop_to_mark(), Kind::dict);
      case 0x8f:  // EMPTY_SET
        return push(sequence(Kind::set, {}));
      case 0x90:  // ADDITEMS
        return add_items(pop_to_mark(), Kind::set);
      case 0x91:  // FROZENSET
        return push(sequence(Kind::set, pop_to_mark()));
      case '0':
        pop();
        return;
      case '1':
        pop_to_mark();
        return;
      case '(':
        marks_.push_back(stack_.size());
        return;
      case 'h':
        return recall(take_number<uint8_t>());
      case 'j':
        return recall(take_number<uint32_t>());
      case 'q':
        return memoize(take_number<uint8_t>());
      case 'r':
        return memoize(take_number<uint32_t>());
      case 0x94:
        return memoize(memo_.size());
      case 'c': {
        const std::string_view module = take_line();
        return push(global(module, take_line()));
      }
      case 0x93: {  // STACK_GLOBAL
        const PickleValue name = pop(), module = pop();
        if (name.kind != Kind::text || module.kind != Kind::text)
          refuse("found a global without a name, expected one");
        return push(global(text_of(module), text_of(name)));
      }
      case 'R': {
        const PickleValue arguments = pop(), function = pop();
        return push(call(function, arguments));
      }
      case 'b':
        return build();
      case 0x81:  // NEWOBJ
        pop();
        return push(object(pop()));
      case 0x92:  // NEWOBJ_EX
        pop_many(2);
        return push(object(pop()));
      case 0x80: {
        constexpr int kMaxProtocol = 5;
        const int protocol = take_number<uint8_t>();
        if (protocol < 2 || protocol > kMaxProtocol)
          refuse("found pickle protocol " + std::to_string(protocol) + ", expected 2 to " +
                 std::to_string(kMaxProtocol));
        return;
      }
      case '.':
        return stop();
      case 0x95: {  // FRAME
        if (take_number<uint64_t>() > text_.size() - at_)
          refuse("found a frame beyond the end of the file: it is truncated");
        return;
      }
      case 'Q':
        return push(persistent(pop()));
      default:
        return refuse_instruction(code);
    }
  }

  [[noreturn]] void refuse_instruction(uint8_t code) const {
    struct Row {
      uint8_t code;
      const char* name;
    };
    constexpr Row kRefused[] = {
        {'I', "INT"},
        {'L', "LONG"},
        {0x8b, "LONG4"},
        {'S', "STRING"},
        {'V', "UNICODE"},
        {'F', "FLOAT"},
        {'l', "LIST"},
        {'d', "DICT"},
        {'2', "DUP"},
        {'g', "GET"},
        {'p', "PUT"},
        {0x82, "EXT1"},
        {0x83, "EXT2"},
        {0x84, "EXT4"},
        {'i', "INST"},
        {'o', "OBJ"},
        {'P', "PERSID"},
        {0x97, "NEXT_BUFFER"},
        {0x98, "READONLY_BUFFER"},
    };
    for (const Row& row : kRefused)
      if (row.code == code)
        refuse(std::string("found the instruction ") + row.name +
                   ", expected only what a state dict needs",
               kPickleNotAStateDict);
    refuse("found byte " + std::to_string(code) + ", expected an instruction");
  }

  bool stopped_ = false;
  std::vector<PickleValue> stack_, memo_;
  std::vector<size_t> marks_;
};

Pickle::Pickle(ByteSpan bytes, const std::string& where, size_t file_bytes) {
  PickleMachine(bytes, where, file_bytes, *this).run();
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != PickleValue::Kind::dict) return nullptr;
  const auto& members = items(dict);
  for (size_t i = members.size(); i >= 2; i -= 2)
    if (members[i - 2].kind == PickleValue::Kind::text && text(members[i - 2]) == key)
      return &members[i - 1];
  return nullptr;
}

}  // namespace swin::files
