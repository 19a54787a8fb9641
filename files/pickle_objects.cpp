#include "files/pickle_objects.h"

#include "base/errors.h"
#include "base/text.h"

namespace swin::files {

void PickleObjects::refuse(const std::string& found, const char* remedy) const {
  throw base::WeightError(where_, "byte " + std::to_string(at_) + " of the pickle: " + found,
                          remedy);
}

void PickleObjects::charge(int64_t count) {
  instructions_ += count;
  if (instructions_ > max_instructions_)
    refuse("found more than " + std::to_string(max_instructions_) +
           " instructions, expected the few thousand of a state dict");
}

PickleValue PickleObjects::value_of(Kind kind) {
  PickleValue value;
  value.kind = kind;
  return value;
}
PickleValue PickleObjects::integer(int64_t number, Kind kind) {
  PickleValue value = value_of(kind);
  value.integer = number;
  return value;
}
PickleValue PickleObjects::text(Kind kind, size_t begin, size_t size) {
  PickleValue value = value_of(kind);
  value.text.begin = static_cast<uint32_t>(begin);
  value.text.size_bytes = static_cast<uint32_t>(size);
  return value;
}
PickleValue PickleObjects::refer(Kind kind, size_t index) {
  PickleValue value = value_of(kind);
  value.index = static_cast<uint32_t>(index);
  return value;
}
PickleValue PickleObjects::sequence(Kind kind, std::vector<PickleValue> items) {
  pickle_.sequences_.push_back(std::move(items));
  return refer(kind, pickle_.sequences_.size() - 1);
}

PickleValue PickleObjects::global(std::string_view module, std::string_view name) const {
  const auto globals = pickle_globals();
  for (size_t i = 0; i < globals.size(); ++i)
    if (globals[i].module == module && globals[i].name == name) return refer(Kind::global, i);
  const bool is_os = module == "posix" || module == "nt";  // what os's functions are pickled as
  refuse("found the global " + base::printable(module) + "." + base::printable(name) +
             (is_os ? " (os." + base::printable(name) + ")" : "") +
             ", expected only what a state dict needs",
         kPickleNotAStateDict);
}
const PickleGlobal& PickleObjects::global_of(const PickleValue& value) const {
  if (value.kind != Kind::global)
    refuse("found a call of something other than a global, expected torch's functions",
           kPickleNotAStateDict);
  return pickle_globals()[value.index];
}

const std::vector<PickleValue>& PickleObjects::arguments_of(const PickleValue& tuple,
                                                            size_t at_least,
                                                            const PickleGlobal& global) {
  if (tuple.kind != Kind::tuple || items(tuple).size() < at_least)
    refuse("found a call of " + std::string(global.name) + " with other arguments, expected " +
           std::to_string(at_least) + " or more");
  return items(tuple);
}

PickleValue PickleObjects::call(PickleValue function, PickleValue arguments, int depth) {
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
      if (data.kind != Kind::tensor) refuse("found a parameter without a tensor, expected one");
      return data;
    }
    case PickleRole::rebuild_from_type: {
      const auto& given = arguments_of(arguments, 3, global);
      if (depth > 0) refuse("found nested calls, expected a tensor's");
      return call(given[0], given[2], depth + 1);
    }
    case PickleRole::size: {
      const PickleValue dims = arguments_of(arguments, 1, global)[0];
      if (dims.kind != Kind::tuple && dims.kind != Kind::list)
        refuse("found a torch.Size without a tuple, expected one");
      return refer(Kind::tuple, dims.index);
    }
    case PickleRole::set:
      return sequence(Kind::set, {});
    case PickleRole::harmless:
      return value_of(Kind::opaque);
    case PickleRole::attribute: {
      const auto& given = arguments_of(arguments, 2, global);
      if (given[0].kind == Kind::global && global_of(given[0]).role == PickleRole::harmless)
        return value_of(Kind::opaque);
      break;
    }
    case PickleRole::storage:
      break;
  }
  refuse("found a call of " + std::string(global.module) + "." + std::string(global.name) +
             ", expected only what a state dict needs",
         kPickleNotAStateDict);
}

/// The arguments of Python 2's OrderedDict: a list of pairs.
std::vector<PickleValue> PickleObjects::pairs_of(const PickleValue& list) {
  if (list.kind != Kind::list) refuse("found an OrderedDict without a list, expected pairs");
  const auto& pairs = items(list);
  charge(2 * static_cast<int64_t>(pairs.size()));
  std::vector<PickleValue> members;
  for (const PickleValue& pair : pairs) {
    const bool is_pair =
        (pair.kind == Kind::list || pair.kind == Kind::tuple) && items(pair).size() == 2;
    if (!is_pair) refuse("found an OrderedDict of other items, expected pairs of key and value");
    members.insert(members.end(), items(pair).begin(), items(pair).end());
  }
  return members;
}

PickleValue PickleObjects::tensor(const std::vector<PickleValue>& arguments) {
  const auto is_tuple = [](const PickleValue& value) { return value.kind == Kind::tuple; };
  if (arguments[0].kind != Kind::storage || arguments[1].kind != Kind::integer ||
      !is_tuple(arguments[2]) || !is_tuple(arguments[3]))
    refuse("found a tensor with other arguments, expected storage, offset, size and stride");
  PickleTensor made;
  made.storage = arguments[0].index;
  made.offset = arguments[1].integer;
  made.shape = arguments[2];
  made.strides = arguments[3];
  pickle_.tensors_.push_back(made);
  return refer(Kind::tensor, pickle_.tensors_.size() - 1);
}

PickleValue PickleObjects::persistent(const PickleValue& id) {
  if (id.kind != Kind::tuple) refuse("found a persistent id that is not a tuple, expected one");
  const auto& parts = items(id);
  const auto is_text = [&](size_t i) { return parts.size() > i && parts[i].kind == Kind::text; };
  if (is_text(0) && text_of(parts[0]) == "module")
    refuse("found a pickled module, expected a state dict", kPickleNotAStateDict);
  if (!is_text(0) || text_of(parts[0]) != "storage" || parts.size() < 5 || parts.size() > 6 ||
      parts[1].kind != Kind::global || !is_text(2) || parts[4].kind != Kind::integer)
    refuse("found another persistent id, expected a storage's type, key, location and size");
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
    if (!is_view) refuse("found another view of a storage, expected key, begin and size");
    storage.is_view = true;
    storage.view_begin = items(parts[5])[1].integer;
    storage.view_elements = items(parts[5])[2].integer;
  }
  pickle_.storages_.push_back(storage);
  return refer(Kind::storage, pickle_.storages_.size() - 1);
}

PickleValue PickleObjects::object(const PickleValue& made_of) {
  const PickleRole role = global_of(made_of).role;
  if (role == PickleRole::ordered_dict || role == PickleRole::dict_like)
    return sequence(Kind::dict, {});
  if (role == PickleRole::set) return sequence(Kind::set, {});
  if (role != PickleRole::harmless)
    refuse("found an object of " + std::string(global_of(made_of).name) + ", expected a dict's",
           kPickleNotAStateDict);
  return value_of(Kind::opaque);
}

}  // namespace swin::files
