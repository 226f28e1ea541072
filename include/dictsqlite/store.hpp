// A store: a file, and its first table.
#ifndef DICTSQLITE_STORE_HPP
#define DICTSQLITE_STORE_HPP

#include <string>
#include <utility>
#include <vector>

#include "dict.hpp"

namespace dictsqlite {

// Options by their names, as in every language: {{"persist_mode", "lazy"}, {"timeout", "5"}}.
using options = std::vector<std::pair<std::string, std::string>>;

// A file, and its first table: `main`, or what the option `table_name` says. Opening a file again gives
// another handle on the same store.
class store : public dict {
 public:
  // Made when it is missing; ":memory:" is a private in-memory store.
  explicit store(const std::string &path, const options &options = {}, on_error failure = {})
      : dict(opened(path, options, failure)) {}

  template <class Done = to_future>
  static auto open_async(const std::string &path, const options &options = {}, Done done = {}, how where = {}) {
    const auto list = list_of(options);
    return detail::begin<store>(
        std::move(done), where, [](dictsqlite_result &r) { return store(r.dict); },
        [&](auto call, auto op, auto error) {
          return dictsqlite_open_async(path.c_str(), {list.data(), list.size()}, call, op, error);
        });
  }

  // Puts a copy of the store `source` at `path`, where nobody may have a store open, and gives its bytes. It is checked
  // before; what was at `path` stays until the copy is whole.
  static std::uint64_t restore(const std::string &source, const std::string &path, const restore_options &options = {},
                               on_error failure = {}) {
    const auto asked = detail::c_of(options);
    std::uint64_t got = 0;
    failure.check([&](auto error) {
      return asked->watcher.ended(dictsqlite_restore(source.c_str(), path.c_str(), &asked->raw, &got, error), error);
    });
    return got;
  }

  template <class Done = to_future>
  static auto restore_async(const std::string &source, const std::string &path, const restore_options &options = {},
                            Done done = {}, how where = {}) {
    auto asked = detail::c_of(options);
    const auto &raw = asked->raw;
    return detail::begin<std::uint64_t>(std::move(done), where, detail::keeping(std::move(asked), detail::take_count),
        [&](auto call, auto op, auto error) {
          return dictsqlite_restore_async(source.c_str(), path.c_str(), &raw, call, op, error);
        });
  }

 private:
  explicit store(dictsqlite_dict raw) : dict(raw) {}

  static std::vector<dictsqlite_option> list_of(const options &options) {
    std::vector<dictsqlite_option> list;
    for (const auto &[name, value] : options) list.push_back({name.c_str(), value.c_str()});
    return list;
  }

  static dictsqlite_dict opened(const std::string &path, const options &options, on_error failure) {
    const auto list = list_of(options);
    dictsqlite_dict got{};
    failure.check([&](auto error) {
      return dictsqlite_open(path.c_str(), {list.data(), list.size()}, &got, error);
    });
    return got;
  }
};

}  // namespace dictsqlite

#endif
