// Work on whole files: backups and their restoring, exports and imports, and the upkeep of a file.
#ifndef DICTSQLITE_FILES_HPP
#define DICTSQLITE_FILES_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async.hpp"
#include "error.hpp"
#include "key.hpp"
#include "result.hpp"

namespace dictsqlite {

// Is told how far an operation is: at the start, about twenty times a second, and at the end; a total of 0 is not known.
// False cancels the operation, which then fails with errc::cancelled. What it throws cancels it too, and is thrown by
// the call, if that waits; at the last call it is too late, and the operation's own result stands. It is called on the thread that waits, or by an asynchronous operation on one of the library.
using progress_callback = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// How a store is backed up.
struct backup_options {
  // Whether a file that is there already is replaced.
  bool overwrite = false;
  // In pages.
  progress_callback progress;
};

// How a backup is restored.
struct restore_options {
  // Whether a store, or any other file, that is there already is replaced.
  bool overwrite = false;
  // How long it may wait for others to close the file that is replaced.
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  // In pages.
  progress_callback progress;
};

// How an export looks.
enum class export_format : std::uint32_t {
  // A line an entry, which people can read and change.
  jsonl = DICTSQLITE_EXPORT_JSONL,
  // Smaller and faster, and damage shows.
  binary = DICTSQLITE_EXPORT_BINARY
};

// What is exported, and how.
struct export_options {
  export_format format = export_format::jsonl;
  // These tables; empty: the handle's own.
  std::vector<std::string> tables;
  // Every table of the store, whatever `tables` says.
  bool all_tables = false;
  // Only keys of the prefix's own type that begin with it.
  std::optional<dictsqlite::key> prefix;
  // Whether an export that is there already is replaced.
  bool overwrite = false;
  // In entries.
  progress_callback progress;
};

// What becomes of an entry whose key is there already.
enum class on_conflict : std::uint32_t {
  // It takes the place of what is there.
  replace = DICTSQLITE_IMPORT_REPLACE,
  // It is passed over.
  skip = DICTSQLITE_IMPORT_SKIP,
  // Nothing is imported; errc::conflict names the key.
  error = DICTSQLITE_IMPORT_ERROR
};

// What is imported, and how.
struct import_options {
  // Only these of the file's tables; empty: all of them.
  std::vector<std::string> tables;
  dictsqlite::on_conflict on_conflict = dictsqlite::on_conflict::replace;
  // In bytes read; the file is read twice.
  progress_callback progress;
};

// What is read into the cache.
struct warm_options {
  // Only keys of the prefix's own type that begin with it.
  std::optional<dictsqlite::key> prefix;
  // In entries.
  progress_callback progress;
};

// What is wrong with a file, in words.
inline std::vector<std::string> problems_of(dictsqlite_problems raw) {
  const detail::owned<dictsqlite_problems, dictsqlite_problems_free> owner(raw);
  return std::vector<std::string>(raw.items, raw.items + raw.len);
}

namespace detail {

// Between a callback and C. Must live until the operation is over.
class told {
 public:
  explicit told(progress_callback callback) : callback_(std::move(callback)) {}
  told(const told &) = delete;
  told &operator=(const told &) = delete;

  dictsqlite_progress c() {
    if (!callback_) return {nullptr, nullptr};
    return {[](void *self, std::uint64_t done, std::uint64_t total) noexcept {
              return static_cast<told *>(self)->tell(done, total);
            },
            this};
  }

  // The code of the operation; what the callback threw is thrown instead, if that ended it.
  dictsqlite_code ended(dictsqlite_code code, dictsqlite_error **error) {
    if (!thrown_ || code != DICTSQLITE_CANCELLED) return code;
    dictsqlite_error_free(error);
    std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

 private:
  int tell(std::uint64_t done, std::uint64_t total) noexcept {
    try {
      // Once it threw, it is not called any more.
      return !thrown_ && callback_(done, total) ? 0 : 1;
    } catch (...) {
      thrown_ = std::current_exception();
      return 1;
    }
  }

  progress_callback callback_;
  std::exception_ptr thrown_;
};

// The options of an operation as C reads them, with the callback. Must live as long as that.
template <class Raw>
struct asked {
  explicit asked(progress_callback callback) : watcher(std::move(callback)) {}
  void name(const std::vector<std::string> &tables) {
    for (const auto &table : tables) names.push_back(table.c_str());
    raw.tables = names.data();
    raw.tables_len = names.size();
  }
  void begin_with(const std::optional<dictsqlite::key> &key) {
    if (!key) return;
    prefix = key->view().c();
    raw.prefix = &*prefix;
  }

  told watcher;
  std::vector<const char *> names;
  std::optional<dictsqlite_key> prefix;
  Raw raw{};
};

// What an asynchronous operation was asked with is kept until its result is there.
template <class Asked, class Take>
auto keeping(std::unique_ptr<Asked> asked, Take take) {
  return [asked = std::move(asked), take](dictsqlite_result &r) { return take(r); };
}

inline auto c_of(const backup_options &options) {
  auto asked = std::make_unique<detail::asked<dictsqlite_backup_options>>(options.progress);
  asked->raw = {options.overwrite, asked->watcher.c()};
  return asked;
}

inline auto c_of(const restore_options &options) {
  auto asked = std::make_unique<detail::asked<dictsqlite_restore_options>>(options.progress);
  // To C 0 is as long as it is by itself.
  const auto timeout = std::max<std::int64_t>(options.timeout.count(), 1);
  asked->raw = {options.overwrite, static_cast<std::uint64_t>(timeout), asked->watcher.c()};
  return asked;
}

inline auto c_of(const export_options &options) {
  auto asked = std::make_unique<detail::asked<dictsqlite_export_options>>(options.progress);
  asked->raw.format = static_cast<std::uint32_t>(options.format);
  asked->name(options.tables);
  asked->raw.all_tables = options.all_tables;
  asked->begin_with(options.prefix);
  asked->raw.overwrite = options.overwrite;
  asked->raw.progress = asked->watcher.c();
  return asked;
}

inline auto c_of(const import_options &options) {
  auto asked = std::make_unique<detail::asked<dictsqlite_import_options>>(options.progress);
  asked->name(options.tables);
  asked->raw.on_conflict = static_cast<std::uint32_t>(options.on_conflict);
  asked->raw.progress = asked->watcher.c();
  return asked;
}

// C takes what warming is asked with one by one.
struct warming {
  const dictsqlite_key *prefix;
  dictsqlite_progress progress;
};

inline auto c_of(const warm_options &options) {
  auto asked = std::make_unique<detail::asked<warming>>(options.progress);
  asked->begin_with(options.prefix);
  asked->raw.progress = asked->watcher.c();
  return asked;
}

}  // namespace detail

// The part of a dict that is about whole files. Each of these may take as long as the file is large; an asynchronous
// one can be cancelled by its `operation`, and then calls back when nothing of it is left.
template <class Dict>
class files {
 public:
  // Copies the store, all its tables, as of one moment, to a file of its own, while it goes on being used. Gives its
  // bytes. Cancelled or failed, it leaves nothing.
  std::uint64_t backup(const std::string &dest, const backup_options &options = {}, on_error failure = {}) const {
    const auto asked = detail::c_of(options);
    std::uint64_t got = 0;
    failure.check([&](auto error) {
      return asked->watcher.ended(dictsqlite_backup(c_dict(), dest.c_str(), &asked->raw, &got, error), error);
    });
    return got;
  }

  template <class Done = to_future>
  auto backup_async(const std::string &dest, const backup_options &options = {}, Done done = {}, how where = {}) const {
    auto asked = detail::c_of(options);
    const auto &raw = asked->raw;
    return detail::begin<std::uint64_t>(std::move(done), where, detail::keeping(std::move(asked), detail::take_count),
        [&](auto call, auto op, auto error) {
          return dictsqlite_backup_async(c_dict(), dest.c_str(), &raw, call, op, error);
        });
  }

  // Writes entries, as of one moment, to a file that is no database, and gives how many. `import_from` reads it.
  std::uint64_t export_to(const std::string &dest, const export_options &options = {}, on_error failure = {}) const {
    const auto asked = detail::c_of(options);
    std::uint64_t got = 0;
    failure.check([&](auto error) {
      return asked->watcher.ended(dictsqlite_export(c_dict(), dest.c_str(), &asked->raw, &got, error), error);
    });
    return got;
  }

  template <class Done = to_future>
  auto export_to_async(const std::string &dest, const export_options &options = {}, Done done = {},
                       how where = {}) const {
    auto asked = detail::c_of(options);
    const auto &raw = asked->raw;
    return detail::begin<std::uint64_t>(std::move(done), where, detail::keeping(std::move(asked), detail::take_count),
        [&](auto call, auto op, auto error) {
          return dictsqlite_export_async(c_dict(), dest.c_str(), &raw, call, op, error);
        });
  }

  // Reads an export into this store; every entry goes to the table it came from. What goes wrong once the file was read
  // to its end leaves the entries that were written, and the error says how many.
  dictsqlite_imported import_from(const std::string &source, const import_options &options = {},
                                  on_error failure = {}) const {
    const auto asked = detail::c_of(options);
    dictsqlite_imported got{};
    failure.check([&](auto error) {
      return asked->watcher.ended(dictsqlite_import(c_dict(), source.c_str(), &asked->raw, &got, error), error);
    });
    return got;
  }

  template <class Done = to_future>
  auto import_from_async(const std::string &source, const import_options &options = {}, Done done = {},
                         how where = {}) const {
    auto asked = detail::c_of(options);
    const auto &raw = asked->raw;
    const auto take = [](dictsqlite_result &r) { return r.imported; };
    return detail::begin<dictsqlite_imported>(std::move(done), where, detail::keeping(std::move(asked), take),
        [&](auto call, auto op, auto error) {
          return dictsqlite_import_async(c_dict(), source.c_str(), &raw, call, op, error);
        });
  }

  // Reads entries into the cache until it is full.
  dictsqlite_warmed warm(const warm_options &options = {}, on_error failure = {}) const {
    const auto asked = detail::c_of(options);
    const auto &raw = asked->raw;
    dictsqlite_warmed got{};
    failure.check([&](auto error) {
      return asked->watcher.ended(dictsqlite_warm(c_dict(), raw.prefix, &raw.progress, &got, error), error);
    });
    return got;
  }

  template <class Done = to_future>
  auto warm_async(const warm_options &options = {}, Done done = {}, how where = {}) const {
    auto asked = detail::c_of(options);
    const auto &raw = asked->raw;
    const auto take = [](dictsqlite_result &r) { return r.warmed; };
    return detail::begin<dictsqlite_warmed>(std::move(done), where, detail::keeping(std::move(asked), take),
        [&](auto call, auto op, auto error) {
          return dictsqlite_warm_async(c_dict(), raw.prefix, &raw.progress, call, op, error);
        });
  }

  // Writes the database anew, without the room that deleted entries left.
  dictsqlite_vacuumed vacuum(on_error failure = {}) const {
    dictsqlite_vacuumed got{};
    failure.check([&](auto error) { return dictsqlite_vacuum(c_dict(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto vacuum_async(Done done = {}, how where = {}) const {
    return detail::begin<dictsqlite_vacuumed>(
        std::move(done), where, [](dictsqlite_result &r) { return r.vacuumed; },
        [&](auto call, auto op, auto error) { return dictsqlite_vacuum_async(c_dict(), call, op, error); });
  }

  // Commits what is pending, and moves the write-ahead log into the database as far as readers allow.
  dictsqlite_checkpointed checkpoint(on_error failure = {}) const {
    dictsqlite_checkpointed got{};
    failure.check([&](auto error) { return dictsqlite_checkpoint(c_dict(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto checkpoint_async(Done done = {}, how where = {}) const {
    return detail::begin<dictsqlite_checkpointed>(
        std::move(done), where, [](dictsqlite_result &r) { return r.checkpointed; },
        [&](auto call, auto op, auto error) { return dictsqlite_checkpoint_async(c_dict(), call, op, error); });
  }

  // Reads all of the file and gives what is wrong with it, in words; nothing when nothing is.
  std::vector<std::string> integrity_check(on_error failure = {}) const {
    dictsqlite_problems got{};
    failure.check([&](auto error) { return dictsqlite_integrity_check(c_dict(), &got, error); });
    return problems_of(got);
  }

  template <class Done = to_future>
  auto integrity_check_async(Done done = {}, how where = {}) const {
    return detail::begin<std::vector<std::string>>(
        std::move(done), where, [](dictsqlite_result &r) { return problems_of(std::exchange(r.problems, {})); },
        [&](auto call, auto op, auto error) { return dictsqlite_integrity_check_async(c_dict(), call, op, error); });
  }

 private:
  dictsqlite_dict c_dict() const { return static_cast<const Dict *>(this)->c(); }
};

}  // namespace dictsqlite

#endif
