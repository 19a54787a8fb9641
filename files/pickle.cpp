#include "files/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "base/errors.h"
#include "files/mapped_file.h"
#include "files/pickle_globals.h"

namespace swin::files {
namespace {

using Kind = PickleValue::Kind;

constexpr char kDamaged[] = "the file is damaged; get it again";
constexpr char kForeign[] =
    "nothing of it was run; save model.state_dict() alone with torch.save and give that file";
constexpr int kMaxProtocol = 5;

}  // namespace

/// Runs one pickle.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, const std::string& where, Pickle& pickle)
      : pickle_(pickle),
        where_(where),
        text_(reinterpret_cast<const char*>(bytes.data()),
              std::min(bytes.size(), Pickle::kMaxBytes)) {
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
  [[noreturn]] void refuse(const std::string& found, const char* remedy = kDamaged) const {
    throw base::WeightError(where_, "byte " + std::to_string(at_) + " of the pickle: " + found,
                            remedy);
  }

  /// Bounds time and memory: every instruction and every value that is copied counts.
  void charge(int64_t count) {
    instructions_ += count;
    if (instructions_ > Pickle::kMaxInstructions)
      refuse("found more than " + std::to_string(Pickle::kMaxInstructions) +
             " instructions, expected the few thousand of a state dict");
  }

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
    std::memcpy(&value, take(sizeof value).data(), sizeof value);  // little-endian, as we are
    return value;
  }
  std::string_view take_line() {
    const size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) refuse("found no end of a line, expected one");
    const std::string_view line = text_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  // Values.
  static PickleValue value_of(Kind kind) {
    PickleValue value;
    value.kind = kind;
    return value;
  }
  static PickleValue integer(int64_t number) {
    PickleValue value = value_of(Kind::integer);
    value.integer = number;
    return value;
  }
  static PickleValue boolean(bool truth) {
    PickleValue value = value_of(Kind::boolean);
    value.integer = truth;
    return value;
  }
  PickleValue text(Kind kind, uint64_t size) {
    const std::string_view taken = take(size);
    PickleValue value = value_of(kind);
    value.text.begin = static_cast<uint32_t>(taken.data() - text_.data());
    value.text.size_bytes = static_cast<uint32_t>(taken.size());
    return value;
  }
  static PickleValue refer(Kind kind, size_t index) {
    PickleValue value = value_of(kind);
    value.index = static_cast<uint32_t>(index);
    return value;
  }
  PickleValue sequence(Kind kind, std::vector<PickleValue> items) {
    pickle_.sequences_.push_back(std::move(items));
    return refer(kind, pickle_.sequences_.size() - 1);
  }
  std::vector<PickleValue>& items(const PickleValue& value) {
    return pickle_.sequences_[value.index];
  }
  std::string_view text_of(const PickleValue& value) const { return pickle_.text(value); }

  // The stack. What lies below the last mark cannot be reached.
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
    // Every writer counts from 0 without gaps.
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
  void append(const std::vector<PickleValue>& values, bool to_set) {
    const PickleValue target = top();
    if (target.kind == Kind::opaque) return;
    if (target.kind != (to_set ? Kind::set : Kind::list))
      refuse("found items for no list or set, expected one");
    auto& list = items(target);
    list.insert(list.end(), values.begin(), values.end());
  }
  void set_items(const std::vector<PickleValue>& values) {
    const PickleValue target = top();
    if (values.size() % 2 != 0) refuse("found a key without a value, expected pairs");
    if (target.kind == Kind::opaque) return;
    if (target.kind != Kind::dict) refuse("found items for no dict, expected one");
    auto& dict = items(target);
    dict.insert(dict.end(), values.begin(), values.end());
  }

  // Names.
  void push_global(std::string_view module, std::string_view name) {
    const auto globals = pickle_globals();
    for (size_t i = 0; i < globals.size(); ++i)
      if (globals[i].module == module && globals[i].name == name)
        return push(refer(Kind::global, i));
    const bool is_os = module == "posix" || module == "nt";  // what os's functions are pickled as
    refuse("found the global " + printable(module) + "." + printable(name) +
               (is_os ? " (os." + printable(name) + ")" : "") +
               ", expected only what a state dict needs",
           kForeign);
  }
  const PickleGlobal& global_of(const PickleValue& value) const {
    if (value.kind != Kind::global)
      refuse("found a call of something that is no global, expected torch's functions", kForeign);
    return pickle_globals()[value.index];
  }

  const std::vector<PickleValue>& arguments_of(const PickleValue& tuple, size_t at_least,
                                               const PickleGlobal& global) {
    if (tuple.kind != Kind::tuple || items(tuple).size() < at_least)
      refuse("found a call of " + std::string(global.name) + " with other arguments, expected " +
             std::to_string(at_least) + " or more");
    return items(tuple);
  }

  PickleValue call(PickleValue function, PickleValue arguments, int depth = 0) {
    const PickleGlobal& global = global_of(function);
    switch (global.role) {
      case PickleRole::ordered_dict: {
        const auto& given = arguments_of(arguments, 0, global);
        std::vector<PickleValue> members;
        if (!given.empty()) members = pairs_of(given[0]);
        return sequence(Kind::dict, std::move(members));
      }
      case PickleRole::dict_like:
        return sequence(Kind::dict, {});
      case PickleRole::rebuild_tensor:
        return tensor(arguments_of(arguments, 4, global));
      case PickleRole::rebuild_parameter: {
        const PickleValue data = arguments_of(arguments, 1, global)[0];
        if (data.kind != Kind::tensor) refuse("found a parameter of no tensor, expected one");
        return data;
      }
      case PickleRole::rebuild_from_type: {
        const auto& given = arguments_of(arguments, 3, global);
        if (depth > 0) refuse("found nested calls, expected a tensor's");
        return call(given[0], given[2], depth + 1);
      }
      case PickleRole::size: {
        const PickleValue sides = arguments_of(arguments, 1, global)[0];
        if (sides.kind != Kind::tuple && sides.kind != Kind::list)
          refuse("found a torch.Size of no tuple, expected one");
        return refer(Kind::tuple, sides.index);
      }
      case PickleRole::set:
        return sequence(Kind::set, {});
      case PickleRole::harmless:
        return value_of(Kind::opaque);
      case PickleRole::storage:
        break;
    }
    refuse("found a call of " + std::string(global.module) + "." + std::string(global.name) +
               ", expected it as the type of a storage only",
           kForeign);
  }

  /// What Python 2's OrderedDict is made from: a list of pairs.
  std::vector<PickleValue> pairs_of(const PickleValue& list) {
    if (list.kind != Kind::list) refuse("found an OrderedDict of no list, expected pairs");
    const auto& pairs = items(list);
    charge(2 * static_cast<int64_t>(pairs.size()));
    std::vector<PickleValue> members;
    for (const PickleValue& pair : pairs) {
      const bool is_pair =
          (pair.kind == Kind::list || pair.kind == Kind::tuple) && items(pair).size() == 2;
      if (!is_pair) refuse("found an OrderedDict of no pairs, expected key and value");
      members.insert(members.end(), items(pair).begin(), items(pair).end());
    }
    return members;
  }

  PickleValue tensor(const std::vector<PickleValue>& arguments) {
    const auto is_tuple = [](const PickleValue& value) { return value.kind == Kind::tuple; };
    if (arguments[0].kind != Kind::storage || arguments[1].kind != Kind::integer ||
        !is_tuple(arguments[2]) || !is_tuple(arguments[3]))
      refuse("found a tensor of other parts, expected storage, offset, size and stride");
    PickleTensor made;
    made.storage = arguments[0].index;
    made.offset = arguments[1].integer;
    made.shape = arguments[2];
    made.strides = arguments[3];
    pickle_.tensors_.push_back(made);
    return refer(Kind::tensor, pickle_.tensors_.size() - 1);
  }

  /// ("storage", torch.FloatStorage, key, location, elements[, None or (key, begin, elements)])
  void push_persistent() {
    const PickleValue id = pop();
    if (id.kind != Kind::tuple) refuse("found a persistent id that is no tuple, expected one");
    const auto parts = items(id);
    const auto is_text = [&](size_t i) { return parts.size() > i && parts[i].kind == Kind::text; };
    if (is_text(0) && text_of(parts[0]) == "module")
      refuse("found a pickled module, expected a state dict", kForeign);
    if (!is_text(0) || text_of(parts[0]) != "storage" || parts.size() < 5 || parts.size() > 6 ||
        parts[1].kind != Kind::global || !is_text(2) || parts[4].kind != Kind::integer)
      refuse("found another persistent id, expected a storage's type, key, place and size");
    const PickleGlobal& type = global_of(parts[1]);
    if (type.role != PickleRole::storage)
      refuse("found a storage of type " + std::string(type.name) + ", expected FloatStorage …");
    PickleStorage storage;
    storage.key = text_of(parts[2]);
    storage.dtype = type.dtype;
    storage.num_elements = parts[4].integer;
    if (parts.size() == 6 && parts[5].kind != Kind::none) {
      const bool is_view = parts[5].kind == Kind::tuple && items(parts[5]).size() == 3 &&
                           items(parts[5])[1].kind == Kind::integer &&
                           items(parts[5])[2].kind == Kind::integer;
      if (!is_view) refuse("found a storage's view of other parts, expected key, begin and size");
      storage.is_view = true;
      storage.view_begin = items(parts[5])[1].integer;
      storage.view_elements = items(parts[5])[2].integer;
    }
    pickle_.storages_.push_back(storage);
    push(refer(Kind::storage, pickle_.storages_.size() - 1));
  }

  void push_long(uint64_t size) {
    const PickleValue value = text(Kind::long_integer, size);
    if (size > sizeof(int64_t)) return push(value);
    int64_t number = 0;
    std::memcpy(&number, text_of(value).data(), size);
    if (size > 0 && size < sizeof number && (text_of(value).back() & 0x80))
      number |= static_cast<int64_t>(~uint64_t{0} << (8 * size));  // the sign
    push(integer(number));
  }

  void build() {
    pop();  // attributes of an object: _metadata of a state dict, what is in a config
    const Kind kind = top().kind;
    if (kind != Kind::dict && kind != Kind::opaque && kind != Kind::set)
      refuse("found attributes of a plain value, expected an object's");
  }

  void push_object(const PickleValue& made_of) {
    const PickleRole role = global_of(made_of).role;
    if (role == PickleRole::ordered_dict || role == PickleRole::dict_like)
      return push(sequence(Kind::dict, {}));
    if (role == PickleRole::set) return push(sequence(Kind::set, {}));
    if (role != PickleRole::harmless)
      refuse("found an object of " + std::string(global_of(made_of).name) + ", expected a dict's",
             kForeign);
    push(value_of(Kind::opaque));
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
        return push(text(Kind::text, take_number<uint32_t>()));
      case 'U':
        return push(text(Kind::text, take_number<uint8_t>()));
      case 'B':
        return push(text(Kind::bytes, take_number<uint32_t>()));
      case 'C':
        return push(text(Kind::bytes, take_number<uint8_t>()));
      case 0x8e:  // BINBYTES8
      case 0x96:  // BYTEARRAY8
        return push(text(Kind::bytes, take_number<uint64_t>()));
      case 'N':
        return push(value_of(Kind::none));
      case 0x88:
        return push(boolean(true));
      case 0x89:
        return push(boolean(false));
      case 'X':
        return push(text(Kind::text, take_number<uint32_t>()));
      case 0x8c:  // SHORT_BINUNICODE
        return push(text(Kind::text, take_number<uint8_t>()));
      case 0x8d:  // BINUNICODE8
        return push(text(Kind::text, take_number<uint64_t>()));
      case 'G': {  // big-endian
        PickleValue value = value_of(Kind::real);
        value.real = std::bit_cast<double>(__builtin_bswap64(take_number<uint64_t>()));
        return push(value);
      }
      case ']':
        return push(sequence(Kind::list, {}));
      case 'a':
        return append({pop()}, false);
      case 'e':
        return append(pop_to_mark(), false);
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
        return set_items(pop_many(2));
      case 'u':
        return set_items(pop_to_mark());
      case 0x8f:  // EMPTY_SET
        return push(sequence(Kind::set, {}));
      case 0x90:  // ADDITEMS
        return append(pop_to_mark(), true);
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
        return push_global(module, take_line());
      }
      case 0x93: {  // STACK_GLOBAL
        const PickleValue name = pop(), module = pop();
        if (name.kind != Kind::text || module.kind != Kind::text)
          refuse("found a global without a name, expected one");
        return push_global(text_of(module), text_of(name));
      }
      case 'R': {
        const PickleValue arguments = pop(), function = pop();
        return push(call(function, arguments));
      }
      case 'b':
        return build();
      case 0x81:  // NEWOBJ
        pop();
        return push_object(pop());
      case 0x92:  // NEWOBJ_EX
        pop_many(2);
        return push_object(pop());
      case 0x80: {
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
        return push_persistent();
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
               kForeign);
    refuse("found byte " + std::to_string(code) + ", expected an instruction");
  }

  Pickle& pickle_;
  const std::string& where_;
  std::string_view text_;
  size_t at_ = 0;
  int64_t instructions_ = 0;
  bool stopped_ = false;
  std::vector<PickleValue> stack_, memo_;
  std::vector<size_t> marks_;
};

Pickle::Pickle(std::span<const std::byte> bytes, const std::string& where) {
  PickleMachine(bytes, where, *this).run();
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
