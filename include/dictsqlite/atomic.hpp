// Checks and writes that are one unit, without a transaction.
#ifndef DICTSQLITE_ATOMIC_HPP
#define DICTSQLITE_ATOMIC_HPP

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "async.hpp"
#include "error.hpp"
#include "result.hpp"
#include "value.hpp"

namespace dictsqlite {

// What is to be done at once: all of it if every check holds, or nothing. Nothing happens before `commit`. The dict must
// live until then.
//
//   db.atomic().check("stock", version).incr("stock", -1).set("order:1", "Ada").commit();
class atomic {
 public:
  explicit atomic(dictsqlite_dict dict) : dict_(dict) {}

  // Everything depends on `key` having this version; 0 is no entry.
  atomic &check(key_view key, std::int64_t version) {
    checks_.emplace_back(dictsqlite::key(key), version);
    return *this;
  }

  atomic &set(key_view key, value_view value, ttl life = {}) {
    const auto bytes = value.c();
    add(DICTSQLITE_WRITE_SET, key).value = std::string(static_cast<const char *>(bytes.data), bytes.len);
    writes_.back().life = life;
    return *this;
  }

  // Adds to an integer, whatever it is when this is committed.
  atomic &incr(key_view key, std::int64_t by) {
    add(DICTSQLITE_WRITE_INCR, key).by = by;
    return *this;
  }

  // Deletes `key`, whether it is there or not.
  atomic &erase(key_view key) {
    add(DICTSQLITE_WRITE_DELETE, key);
    return *this;
  }

  // Does all of it, in order, and gives the number of the last operation: the version of what was written last.
  // errc::conflict, which names the key, when a check does not hold. Nothing is left to be done afterwards.
  std::int64_t commit(on_error failure = {}) {
    std::int64_t got = 0;
    const auto taken = lists(std::exchange(checks_, {}), std::exchange(writes_, {}));
    failure.check([&](auto error) {
      return dictsqlite_atomic(dict_, taken.checks(), taken.writes(), &got, error);
    });
    return got;
  }

  template <class Done = to_future>
  auto commit_async(Done done = {}, how where = {}) {
    const auto taken = lists(std::exchange(checks_, {}), std::exchange(writes_, {}));
    return detail::begin<std::int64_t>(std::move(done), where, detail::take_number,
        [&](auto call, auto op, auto error) {
          return dictsqlite_atomic_async(dict_, taken.checks(), taken.writes(), call, op, error);
        });
  }

 private:
  struct write {
    std::uint32_t type;
    dictsqlite::key key;
    std::string value;
    std::int64_t by;
    ttl life;
  };

  // The same as C reads it.
  class lists {
   public:
    lists(std::vector<std::pair<key, std::int64_t>> checks, std::vector<write> writes)
        : own_checks_(std::move(checks)), own_writes_(std::move(writes)) {
      for (const auto &[key, version] : own_checks_) checks_.push_back({key.view().c(), version});
      for (const auto &one : own_writes_)
        writes_.push_back({one.type, one.key.view().c(), dictsqlite_data(one.value.data(), one.value.size()), one.by,
                           one.life.c()});
    }
    dictsqlite_check_list checks() const { return {checks_.data(), checks_.size()}; }
    dictsqlite_write_list writes() const { return {writes_.data(), writes_.size()}; }

   private:
    std::vector<std::pair<key, std::int64_t>> own_checks_;
    std::vector<write> own_writes_;
    std::vector<dictsqlite_check> checks_;
    std::vector<dictsqlite_write> writes_;
  };

  write &add(std::uint32_t type, key_view of) {
    writes_.push_back({type, dictsqlite::key(of), std::string(), 0, ttl()});
    return writes_.back();
  }

  dictsqlite_dict dict_;
  std::vector<std::pair<key, std::int64_t>> checks_;
  std::vector<write> writes_;
};

}  // namespace dictsqlite

#endif
