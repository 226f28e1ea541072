// Transactions: a dict that shows a snapshot and keeps its writes to itself until it is committed.
#ifndef DICTSQLITE_TRANSACTION_HPP
#define DICTSQLITE_TRANSACTION_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "async.hpp"
#include "error.hpp"
#include "result.hpp"
#include "scan.hpp"
#include "value.hpp"

namespace dictsqlite {

// Concurrent: reads a snapshot, gathers its writes and holds nothing; the first one to commit wins. Immediate: holds
// the write lock from the beginning, so that nothing can conflict with it. Read: writes nothing.
enum class tx_mode { concurrent = DICTSQLITE_TX_CONCURRENT, immediate = DICTSQLITE_TX_IMMEDIATE, read = DICTSQLITE_TX_READ };

// What must be as it was when a concurrent one commits: all that it has read and writes, or only what it writes.
enum class tx_isolation { serializable = DICTSQLITE_TX_SERIALIZABLE, snapshot = DICTSQLITE_TX_SNAPSHOT };

struct tx_options {
  tx_mode mode = tx_mode::concurrent;
  tx_isolation isolation = tx_isolation::serializable;
  // How long beginning and committing may each wait; 0: the handle's timeout.
  std::chrono::milliseconds timeout{0};
  // How long it may be open before it is rolled back; 0: 60 s, and 5 s for an immediate one.
  std::chrono::milliseconds max_hold{0};

  dictsqlite_tx_options c() const {
    const auto ms = [](std::chrono::milliseconds time) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
    };
    return {static_cast<std::uint32_t>(mode), static_cast<std::uint32_t>(isolation), ms(timeout), ms(max_hold)};
  }
};

// A transaction on one table of a store; `table` gives it on the others. Move-only; rolled back when it goes, unless
// it was committed. One that `dict::transaction` began belongs to its thread; one of `transaction_async` may be used by
// any thread, one at a time.
class transaction {
 public:
  transaction() = default;
  explicit transaction(dictsqlite_tx raw) : raw_(raw) {}
  transaction(dictsqlite_dict dict, const tx_options &options, on_error failure = {}) {
    const auto raw = options.c();
    failure.check([&](auto error) { return dictsqlite_tx_begin(dict, &raw, &raw_, error); });
  }
  transaction(transaction &&other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  transaction &operator=(transaction &&other) noexcept {
    if (this != &other) {
      close();
      raw_ = std::exchange(other.raw_, {});
    }
    return *this;
  }
  ~transaction() { close(); }

  dictsqlite_tx c() const { return raw_; }
  // Neither committed nor rolled back, and its time is not up.
  bool is_open() const { return dictsqlite_tx_is_open(raw_); }

  // Commits, and gives the number of its last operation: the version of what was written last; 0 when nothing was
  // written. errc::conflict when somebody else was quicker: begin another one.
  std::int64_t commit(on_error failure = {}) const {
    std::int64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_tx_commit(raw_, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto commit_async(Done done = {}, how where = {}) const {
    return detail::begin<std::int64_t>(std::move(done), where, detail::take_number,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_commit_async(raw_, call, op, error); });
  }

  // Gives up everything that was written in it.
  void rollback(on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_tx_rollback(raw_, error); });
  }

  // Marks what was written so far, to go back to.
  std::uint64_t savepoint(on_error failure = {}) const {
    std::uint64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_tx_savepoint(raw_, &got, error); });
    return got;
  }

  // Takes back what was written since a savepoint, which stays; the ones after it are forgotten.
  void rollback_to(std::uint64_t savepoint, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_tx_rollback_to(raw_, savepoint, error); });
  }

  // Forgets a savepoint and the ones after it; what was written stays.
  void release(std::uint64_t savepoint, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_tx_release(raw_, savepoint, error); });
  }

  // The same transaction on another table. In a concurrent one a missing table is made, committed or not.
  transaction table(const std::string &name, const std::string &storage_mode = {}, on_error failure = {}) const {
    dictsqlite_tx got{};
    failure.check([&](auto error) {
      return dictsqlite_tx_table(raw_, name.c_str(), mode(storage_mode), &got, error);
    });
    return transaction(got);
  }

  template <class Done = to_future>
  auto table_async(const std::string &name, const std::string &storage_mode = {}, Done done = {},
                   how where = {}) const {
    return detail::begin<transaction>(
        std::move(done), where, [](dictsqlite_result &r) { return transaction(r.tx); },
        [&](auto call, auto op, auto error) {
          return dictsqlite_tx_table_async(raw_, name.c_str(), mode(storage_mode), call, op, error);
        });
  }

  // The members from here on are those of dict, in the transaction.
  std::optional<value> get(key_view key, on_error failure = {}) const {
    dictsqlite_value got{};
    failure.check([&](auto error) { return dictsqlite_tx_get(raw_, key.c(), &got, error); });
    return value::of(got);
  }

  template <class Done = to_future>
  auto get_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<value>>(std::move(done), where, detail::take_value,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_get_async(raw_, key.c(), call, op, error); });
  }

  bool contains(key_view key, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_tx_contains(raw_, key.c(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto contains_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_contains_async(raw_, key.c(), call, op, error); });
  }

  // The version is 0 of what was written in the transaction.
  std::optional<entry> get_entry(key_view key, on_error failure = {}) const {
    dictsqlite_entry got{};
    failure.check([&](auto error) { return dictsqlite_tx_get_entry(raw_, key.c(), &got, error); });
    return entry::of(got);
  }

  template <class Done = to_future>
  auto get_entry_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<entry>>(std::move(done), where, detail::take_entry,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_get_entry_async(raw_, key.c(), call, op, error); });
  }

  std::uint64_t size(on_error failure = {}) const {
    std::uint64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_tx_len(raw_, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto size_async(Done done = {}, how where = {}) const {
    return detail::begin<std::uint64_t>(std::move(done), where, detail::take_count,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_len_async(raw_, call, op, error); });
  }

  void set(key_view key, value_view value, ttl life = {}, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_tx_set(raw_, key.c(), value.c(), life.c(), error); });
  }

  void erase(key_view key, on_error failure = {}) const {
    failure.check([&](auto error) { return dictsqlite_tx_delete(raw_, key.c(), error); });
  }

  bool remove(key_view key, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_tx_remove(raw_, key.c(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto remove_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_remove_async(raw_, key.c(), call, op, error); });
  }

  std::optional<entry> pop(key_view key, on_error failure = {}) const {
    dictsqlite_entry got{};
    failure.check([&](auto error) { return dictsqlite_tx_pop(raw_, key.c(), &got, error); });
    return entry::of(got);
  }

  template <class Done = to_future>
  auto pop_async(key_view key, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<entry>>(std::move(done), where, detail::take_entry,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_pop_async(raw_, key.c(), call, op, error); });
  }

  std::optional<entry> set_default(key_view key, value_view value, ttl life = {}, on_error failure = {}) const {
    dictsqlite_entry got{};
    failure.check([&](auto error) {
      return dictsqlite_tx_set_default(raw_, key.c(), value.c(), life.c(), &got, error);
    });
    return entry::of(got);
  }

  template <class Done = to_future>
  auto set_default_async(key_view key, value_view value, ttl life = {}, Done done = {}, how where = {}) const {
    return detail::begin<std::optional<entry>>(std::move(done), where, detail::take_entry,
        [&](auto call, auto op, auto error) {
          return dictsqlite_tx_set_default_async(raw_, key.c(), value.c(), life.c(), call, op, error);
        });
  }

  std::int64_t incr(key_view key, std::int64_t by, on_error failure = {}) const {
    std::int64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_tx_incr(raw_, key.c(), by, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto incr_async(key_view key, std::int64_t by, Done done = {}, how where = {}) const {
    return detail::begin<std::int64_t>(std::move(done), where, detail::take_number,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_incr_async(raw_, key.c(), by, call, op, error); });
  }

  bool expire(key_view key, ttl life, on_error failure = {}) const {
    bool got = false;
    failure.check([&](auto error) { return dictsqlite_tx_expire(raw_, key.c(), life.c(), &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto expire_async(key_view key, ttl life, Done done = {}, how where = {}) const {
    return detail::begin<bool>(std::move(done), where, detail::take_truth,
        [&](auto call, auto op, auto error) {
          return dictsqlite_tx_expire_async(raw_, key.c(), life.c(), call, op, error);
        });
  }

  // Deletes every entry, one by one.
  std::uint64_t clear(on_error failure = {}) const {
    std::uint64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_tx_clear(raw_, &got, error); });
    return got;
  }

  template <class Done = to_future>
  auto clear_async(Done done = {}, how where = {}) const {
    return detail::begin<std::uint64_t>(std::move(done), where, detail::take_count,
        [&](auto call, auto op, auto error) { return dictsqlite_tx_clear_async(raw_, call, op, error); });
  }

  // The entries of the snapshot with its own writes: `for (const auto &item : tx.scan())`.
  dictsqlite::scan scan(const scan_options &options = {}, on_error failure = {}) const {
    return dictsqlite::scan(raw_, options, failure);
  }

 private:
  static const char *mode(const std::string &name) { return name.empty() ? nullptr : name.c_str(); }

  void close() noexcept {
    if (raw_.id) dictsqlite_tx_close(std::exchange(raw_, {}), nullptr);
  }

  dictsqlite_tx raw_{};
};

namespace detail {

// Waits after a conflict: at most 0.5 ms the first time, then up to twice as long each time, and 50 ms at most.
inline void pause_after_conflict(unsigned attempt) {
  thread_local std::minstd_rand random(static_cast<unsigned>(
      std::hash<std::thread::id>()(std::this_thread::get_id()) ^
      static_cast<std::size_t>(std::chrono::steady_clock::now().time_since_epoch().count())));
  const int longest = std::min(500 << std::min(attempt, 7u), 50000);
  std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, longest)(random)));
}

}  // namespace detail

}  // namespace dictsqlite

#endif
