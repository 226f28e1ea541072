// A dict: a handle on one table of a store.
#ifndef DICTSQLITE_DICT_HPP
#define DICTSQLITE_DICT_HPP

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async.hpp"
#include "atomic.hpp"
#include "changes.hpp"
#include "error.hpp"
#include "files.hpp"
#include "result.hpp"
#include "scan.hpp"
#include "transaction.hpp"
#include "value.hpp"

namespace dictsqlite {

// Items to be written together.
using items = std::vector<std::pair<key_view, value_view>>;

// A handle on one table of a store. Move-only; closed when it goes.
//
// Every method m that waits has a form m_async that does not: it gives a std::future, or calls `done` with an
// outcome. What it is given is copied before it returns. What cannot begin is thrown at once. What is about whole files
// (backup, export_to, vacuum and so on) is in files.hpp.
class dict : public files<dict> {
 public:
  dict() = default;
  explicit dict(dictsqlite_dict raw) : raw_(raw) {}
  dict(dict &&other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  dict &operator=(dict &&other) noexcept {
    if (this != &other) {
      leave();
      raw_ = std::exchange(other.raw_, {});
    }
    return *this;
  }
  ~dict() { leave(); }

  dictsqlite_dict c() const { return raw_; }
  bool is_open() const { return dictsqlite_is_open(raw_); }

  // The value of `key`, if there is one: shared with the cache, not copied.
  std::optional<value> get(key_view key, on_error failure = {}) const {
    dictsqlite_value got{};
    failure.check([&](auto error) { return dictsqlite_get(raw_, key.c(), &got, error); });
    return value::of(got);
  }

  template <class Done = to_future>
  auto get_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<value>>(std::move(done), where, detail::take_value,
        [&](auto call, auto op, auto error) {
          return dictsqlite_get_async(raw_, key.c(), call, op, error);
        });
  }

  // Whether there is an entry for `key`.
  bool contains(key_view key, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_contains(raw_, key.c(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto contains_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) {
          return dictsqlite_contains_async(raw_, key.c(), call, op, error);
        });
  }

  // The value with its version and expiry. Pending writes of the key are committed first.
  std::optional<entry> get_entry(key_view key, on_error failure = {}) const {
    dictsqlite_entry got{};
    failure.check([&](auto error) { return dictsqlite_get_entry(raw_, key.c(), &got, error); });
    return entry::of(got);
  }

  template <class Done = to_future>
  auto get_entry_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<entry>>(std::move(done), where, detail::take_entry,
        [&](auto call, auto op, auto error) {
          return dictsqlite_get_entry_async(raw_, key.c(), call, op, error);
        });
  }

  // The number of entries. Pending writes are committed first.
  std::uint64_t size(on_error failure = {}) const {
    std::uint64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_len(raw_, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto size_async(Done done = {}, how where = {}) const {
    return detail::begin<std::uint64_t>(std::move(done), where, detail::take_count,
        [&](auto call, auto op, auto error) { return dictsqlite_len_async(raw_, call, op, error); });
  }

  // The values of many keys, in their order.
  values get_many(const std::vector<key_view> &keys, on_error failure = {}) const {
    dictsqlite_values got{};
    failure.check([&](auto error) { return dictsqlite_get_many(raw_, list(keys), &got, error); });
    return values(got);
  }

  template <class Done = to_future>
  auto get_many_async(const std::vector<key_view> &keys, Done done = {}, how where = {}) const {
    return detail::begin<values>(std::move(done), where, detail::take_values,
        [&](auto call, auto op, auto error) {
          return dictsqlite_get_many_async(raw_, list(keys), call, op, error);
        });
  }

  // Sets `key` to `value`, as the handle's persist mode promises.
  void set(key_view key, value_view value, ttl life = {}, on_error failure = {}) const {
    failure.check([&](auto error) {
      return dictsqlite_set_ttl(raw_, key.c(), value.c(), life.c(), error);
    });
  }

  template <class Done = to_future>
  auto set_async(key_view key, value_view value, ttl life = {}, Done done = {}, how where = {}) const {
    return detail::begin<void>(std::move(done), where, detail::nothing,
        [&](auto call, auto op, auto error) {
          return dictsqlite_set_async(raw_, key.c(), value.c(), life.c(), call, op, error);
        });
  }

  // Deletes `key`, whether it is there or not.
  void erase(key_view key, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_delete(raw_, key.c(), error); });
  }

  template <class Done = to_future>
  auto erase_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<void>(std::move(done), where, detail::nothing,
        [&](auto call, auto op, auto error) {
          return dictsqlite_delete_async(raw_, key.c(), call, op, error);
        });
  }

  // Sets many keys as one unit: all of it survives a crash, or nothing.
  void set_many(const items &items, ttl life = {}, on_error failure = {}) const {
    const auto pairs = pairs_of(items);
    failure.check([&](auto error) {
      return dictsqlite_set_many(raw_, {pairs.data(), pairs.size()}, life.c(), error);
    });
  }

  template <class Done = to_future>
  auto set_many_async(const items &items, ttl life = {}, Done done = {}, how where = {}) const {
    const auto pairs = pairs_of(items);
    return detail::begin<void>(std::move(done), where, detail::nothing, [&](auto call, auto op, auto error) {
      return dictsqlite_set_many_async(raw_, {pairs.data(), pairs.size()}, life.c(), call, op, error);
    });
  }

  // Deletes many keys as one unit.
  void erase_many(const std::vector<key_view> &keys, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_delete_many(raw_, list(keys), error); });
  }

  template <class Done = to_future>
  auto erase_many_async(const std::vector<key_view> &keys, Done done = {}, how where = {}) const {
    return detail::begin<void>(std::move(done), where, detail::nothing,
        [&](auto call, auto op, auto error) {
          return dictsqlite_delete_many_async(raw_, list(keys), call, op, error);
        });
  }

  // Sets `key` if its version is `version` (0: if there is no entry), and gives the new one; else
  // errc::conflict, which names the key.
  std::int64_t set_if_version(key_view key, value_view value, std::int64_t version, ttl life = {},
                              on_error failure = {}) const {
    std::int64_t got = 0;
    failure.check([&](auto error) {
      return dictsqlite_set_if_version(raw_, key.c(), value.c(), version, life.c(), &got, error);
    });
    return got;
  }

  template <class Done = to_future>
  auto set_if_version_async(key_view key, value_view value, std::int64_t version, ttl life = {},
                            Done done = {}, how where = {}) const {
    return detail::begin<std::int64_t>(std::move(done), where, detail::take_number,
        [&](auto call, auto op, auto error) {
          return dictsqlite_set_if_version_async(raw_, key.c(), value.c(), version, life.c(), call, op, error);
        });
  }

  // Deletes `key` if its version is `version`; else errc::conflict.
  void erase_if_version(key_view key, std::int64_t version, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_delete_if_version(raw_, key.c(), version, error); });
  }

  template <class Done = to_future>
  auto erase_if_version_async(key_view key, std::int64_t version, Done done = {}, how where = {}) const {
    return detail::begin<void>(std::move(done), where, detail::nothing,
        [&](auto call, auto op, auto error) {
          return dictsqlite_delete_if_version_async(raw_, key.c(), version, call, op, error);
        });
  }

  // Deletes `key` and says whether it was there.
  bool remove(key_view key, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_remove(raw_, key.c(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto remove_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) {
          return dictsqlite_remove_async(raw_, key.c(), call, op, error);
        });
  }

  // Removes an entry and gives it.
  std::optional<entry> pop(key_view key, on_error failure = {}) const {
    dictsqlite_entry got{};
    failure.check([&](auto error) { return dictsqlite_pop(raw_, key.c(), &got, error); });
    return entry::of(got);
  }

  template <class Done = to_future>
  auto pop_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<entry>>(std::move(done), where, detail::take_entry,
        [&](auto call, auto op, auto error) {
          return dictsqlite_pop_async(raw_, key.c(), call, op, error);
        });
  }

  // Removes the newest entry in insertion order, or the oldest, and gives it as a page of one, or of none.
  page pop_item(bool newest, on_error failure = {}) const {
    dictsqlite_page got{};
    failure.check([&](auto error) { return dictsqlite_pop_item(raw_, newest, &got, error); });
    return page(got);
  }

  template <class Done = to_future>
  auto pop_item_async(bool newest, Done done = {}, how where = {}) const {
    return detail::begin<page>(std::move(done), where, detail::take_page,
        [&](auto call, auto op, auto error) {
          return dictsqlite_pop_item_async(raw_, newest, call, op, error);
        });
  }

  // The entry there is; or sets it to `value`, and gives nothing.
  std::optional<entry> set_default(key_view key, value_view value, ttl life = {},
                                   on_error failure = {}) const {
    dictsqlite_entry got{};
    failure.check([&](auto error) {
      return dictsqlite_set_default(raw_, key.c(), value.c(), life.c(), &got, error);
    });
    return entry::of(got);
  }

  template <class Done = to_future>
  auto set_default_async(key_view key, value_view value, ttl life = {}, Done done = {},
                         how where = {}) const {
    return detail::begin<std::optional<entry>>(std::move(done), where, detail::take_entry,
        [&](auto call, auto op, auto error) {
          return dictsqlite_set_default_async(raw_, key.c(), value.c(), life.c(), call, op, error);
        });
  }

  // Adds to an integer, which counts from 0 when there is none, and gives the sum.
  std::int64_t incr(key_view key, std::int64_t by, on_error failure = {}) const {
    std::int64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_incr(raw_, key.c(), by, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto incr_async(key_view key, std::int64_t by, Done done = {}, how where = {}) const {
    return detail::begin<std::int64_t>(std::move(done), where, detail::take_number,
        [&](auto call, auto op, auto error) {
          return dictsqlite_incr_async(raw_, key.c(), by, call, op, error);
        });
  }

  // Changes when an entry expires; false when there is none.
  bool expire(key_view key, ttl life, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_expire(raw_, key.c(), life.c(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto expire_async(key_view key, ttl life, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) {
          return dictsqlite_expire_async(raw_, key.c(), life.c(), call, op, error);
        });
  }

  // Removes every entry, and gives how many rows that were.
  std::uint64_t clear(on_error failure = {}) const {
    std::uint64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_clear(raw_, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto clear_async(Done done = {}, how where = {}) const {
    return detail::begin<std::uint64_t>(std::move(done), where, detail::take_count,
        [&](auto call, auto op, auto error) { return dictsqlite_clear_async(raw_, call, op, error); });
  }

  // The entries, a page at a time: `for (const auto &item : dict.scan())`.
  dictsqlite::scan scan(const scan_options &options = {}, on_error failure = {}) const {
    return dictsqlite::scan(raw_, options, failure);
  }

  // The next page of a scan, which stays the caller's and must live until then.
  template <class Done = to_future>
  static auto next_page_async(dictsqlite::scan &scan, Done done = {}, how where = {}) {
    return detail::begin<page>(std::move(done), where, detail::take_page, [&](auto call, auto op, auto error) {
      return dictsqlite_scan_next_async(scan.c(), call, op, error);
    });
  }

  // A handle on another table of the same store. A new one is made with the codec `storage_mode` ("bytes",
  // "json", "jsonb"); empty takes the one that the table has, or that of this handle.
  dict table(const std::string &name, const std::string &storage_mode = {}, on_error failure = {}) const {
    dictsqlite_dict got{};
    failure.check([&](auto error) {
      return dictsqlite_open_table(raw_, name.c_str(), mode(storage_mode), &got, error);
    });
    return dict(got);
  }

  template <class Done = to_future>
  auto table_async(const std::string &name, const std::string &storage_mode = {}, Done done = {},
                   how where = {}) const {
    return detail::begin<dict>(
        std::move(done), where, [](dictsqlite_result &r) { return dict(r.dict); },
        [&](auto call, auto op, auto error) {
          return dictsqlite_open_table_async(raw_, name.c_str(), mode(storage_mode), call, op, error);
        });
  }

  // The tables of the store, in the order of their names.
  std::vector<table_info> tables(on_error failure = {}) const {
    dictsqlite_tables got{};
    failure.check([&](auto error) { return dictsqlite_list_tables(raw_, &got, error); });
    return tables_of(got);
  }

  template <class Done = to_future>
  auto tables_async(Done done = {}, how where = {}) const {
    return detail::begin<std::vector<table_info>>(std::move(done), where, detail::take_tables,
        [&](auto call, auto op, auto error) {
          return dictsqlite_list_tables_async(raw_, call, op, error);
        });
  }

  // Removes a table and all that is in it; false when there is none.
  bool drop_table(const std::string &name, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_drop_table(raw_, name.c_str(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto drop_table_async(const std::string &name, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) {
          return dictsqlite_drop_table_async(raw_, name.c_str(), call, op, error);
        });
  }

  // Begins a transaction, which belongs to this thread; rolled back when it goes without `commit`.
  dictsqlite::transaction transaction(const tx_options &options = {}, on_error failure = {}) const {
    return dictsqlite::transaction(raw_, options, failure);
  }

  // The same without waiting, and for any thread.
  template <class Done = to_future>
  auto transaction_async(const tx_options &options = {}, Done done = {}, how where = {}) const {
    const auto raw = options.c();
    return detail::begin<dictsqlite::transaction>(
        std::move(done), where, [](dictsqlite_result &r) { return dictsqlite::transaction(r.tx); },
        [&](auto call, auto op, auto error) { return dictsqlite_tx_begin_async(raw_, &raw, call, op, error); });
  }

  // Calls `f` with a transaction, commits it, and gives what `f` gave. After a conflict it is called again in a new one,
  // up to `retries` times, with pauses that grow; the last time in an immediate one, which cannot conflict. When `f`
  // throws, everything is rolled back.
  template <class F>
  auto transact(F f, unsigned retries = 10) const {
    for (unsigned attempt = 0;; ++attempt) {
      const bool last = attempt >= retries;
      tx_options options;
      if (last && retries > 0) options.mode = tx_mode::immediate;
      try {
        const auto tx = transaction(options);
        if constexpr (std::is_void_v<decltype(f(tx))>) {
          f(tx);
          tx.commit();
          return;
        } else {
          auto result = f(tx);
          tx.commit();
          return result;
        }
      } catch (const error &failed) {
        if (failed.kind() != errc::conflict || last) throw;
      }
      detail::pause_after_conflict(attempt);
    }
  }

  // Checks and writes that are one unit: `db.atomic().check("n", version).incr("n", 1).commit()`.
  dictsqlite::atomic atomic() const { return dictsqlite::atomic(raw_); }

  // Has the changes of the table logged from now on, whoever makes them. The newest `count` changes are kept in the
  // store's log, and none older than `age`; empty leaves a limit as it is.
  void enable_changes(std::optional<std::uint64_t> count = {}, std::optional<std::chrono::milliseconds> age = {},
                      on_error failure = {}) const {
    const auto ms = ms_of(age);
    failure.check([&](auto error) {
      return dictsqlite_enable_changes(raw_, count ? &*count : nullptr, ms ? &*ms : nullptr, error);
    });
  }

  template <class Done = to_future>
  auto enable_changes_async(std::optional<std::uint64_t> count = {}, std::optional<std::chrono::milliseconds> age = {},
                            Done done = {}, how where = {}) const {
    const auto ms = ms_of(age);
    return detail::begin<void>(std::move(done), where, detail::nothing, [&](auto call, auto op, auto error) {
      return dictsqlite_enable_changes_async(raw_, count ? &*count : nullptr, ms ? &*ms : nullptr, call, op, error);
    });
  }

  // Whether the changes of the table are logged.
  bool has_changes(on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_has_changes(raw_, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto has_changes_async(Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) { return dictsqlite_has_changes_async(raw_, call, op, error); });
  }

  // The changes of the store's tables, as anybody commits them: `for (const auto &change : db.changes())`.
  dictsqlite::changes changes(const changes_options &options = {}, on_error failure = {}) const {
    return dictsqlite::changes(raw_, options, failure);
  }

  // The state of some keys, and then what is different.
  dictsqlite::watch watch(const std::vector<key_view> &keys, on_error failure = {}) const {
    return dictsqlite::watch(raw_, keys, std::nullopt, failure);
  }

  // The same for all keys with a prefix; the table must log its changes.
  dictsqlite::watch watch_prefix(key_view prefix, on_error failure = {}) const {
    return dictsqlite::watch(raw_, {}, prefix, failure);
  }

  // The same for all keys of the table, which must log its changes.
  dictsqlite::watch watch_all(on_error failure = {}) const {
    return dictsqlite::watch(raw_, {}, std::nullopt, failure);
  }

  // Waits until every write accepted so far is committed; with `durable`, until it is synced.
  void flush(bool durable, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_flush(raw_, durable, error); });
  }

  template <class Done = to_future>
  auto flush_async(bool durable, Done done = {}, how where = {}) const {
    return detail::begin<void>(std::move(done), where, detail::nothing,
        [&](auto call, auto op, auto error) {
          return dictsqlite_flush_async(raw_, durable, call, op, error);
        });
  }

  // Flushes and closes the handle; the last one closes the store. If that fails, it stays open.
  void close(on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_close(raw_, error); });
  }

  template <class Done = to_future>
  auto close_async(Done done = {}, how where = {}) const {
    return detail::begin<void>(std::move(done), where, detail::nothing,
        [&](auto call, auto op, auto error) { return dictsqlite_close_async(raw_, call, op, error); });
  }

  // What the handle is.
  dictsqlite::info info(on_error failure = {}) const {
    dictsqlite_info got{};
    failure.check([&](auto error) { return dictsqlite_read_info(raw_, &got, error); });
    return info_of(got);
  }

  // Figures of the store.
  dictsqlite_stats stats(on_error failure = {}) const {
    dictsqlite_stats got{};
    failure.check([&](auto error) { return dictsqlite_read_stats(raw_, &got, sizeof got, error); });
    return got;
  }

 protected:
  static const char *mode(const std::string &name) { return name.empty() ? nullptr : name.c_str(); }

 private:
  // As C takes it; a time below 0 is refused like 0.
  static std::optional<std::uint64_t> ms_of(std::optional<std::chrono::milliseconds> time) {
    if (!time) return std::nullopt;
    return static_cast<std::uint64_t>(time->count() < 0 ? 0 : time->count());
  }

  static dictsqlite_key_list list(const std::vector<key_view> &keys) {
    return {keys.empty() ? nullptr : &keys.data()->c(), keys.size()};
  }

  static std::vector<dictsqlite_pair> pairs_of(const items &items) {
    std::vector<dictsqlite_pair> pairs;
    pairs.reserve(items.size());
    for (const auto &[key, value] : items) pairs.push_back({key.c(), value.c()});
    return pairs;
  }

  // There is nobody to tell but the standard error stream; what is accepted is flushed at exit again.
  void leave() noexcept {
    dictsqlite_error *error = nullptr;
    const auto code = raw_.id ? dictsqlite_close(raw_, &error) : DICTSQLITE_OK;
    if (code != DICTSQLITE_OK && code != DICTSQLITE_CLOSED)
      std::fprintf(stderr, "dictsqlite: a handle was dropped without close: %s\n",
                   dictsqlite_error_message(error));
    dictsqlite_error_free(&error);
    raw_ = {};
  }

  dictsqlite_dict raw_{};
};

}  // namespace dictsqlite

#endif
