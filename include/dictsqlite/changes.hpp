// The stream of what was changed, and watches of what there is.
#ifndef DICTSQLITE_CHANGES_HPP
#define DICTSQLITE_CHANGES_HPP

#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async.hpp"
#include "error.hpp"
#include "value.hpp"

namespace dictsqlite {

enum class change_kind {
  insert = DICTSQLITE_CHANGE_INSERT,
  update = DICTSQLITE_CHANGE_UPDATE,
  erase = DICTSQLITE_CHANGE_DELETE,
  expire = DICTSQLITE_CHANGE_EXPIRE
};

// One change of one entry, as it was committed. What it shows is its page's.
struct change {
  // Larger than that of every change committed before; the entry's version after an insert or update.
  std::int64_t seq;
  change_kind kind;
  std::string_view table, storage_mode;
  key_view key;
  // Empty where there is none.
  std::optional<std::string_view> before, after;
  // Empty: never.
  std::optional<time_point> expires_at;
  // When it was written.
  time_point at;
};

// A key as a watch has found it; without a value when there is no entry. What it shows is its page's.
struct watched {
  key_view key;
  std::optional<std::string_view> value;
  std::int64_t version;
  std::optional<time_point> expires_at;
};

namespace detail {

inline std::optional<std::string_view> optional_view(const dictsqlite_slice &slice) {
  if (!slice.data) return std::nullopt;
  return view_of(slice);
}

// Waits for the next page when the one at hand is read. It is at its end when the stream is closed.
template <class Source, class Page, class Item>
class page_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Item;
  using difference_type = std::ptrdiff_t;
  using pointer = const Item *;
  using reference = const Item &;

  page_iterator() = default;
  explicit page_iterator(Source *from) : source_(from) { read(); }
  reference operator*() const { return *item_; }
  pointer operator->() const { return &*item_; }
  page_iterator &operator++() {
    if (++at_ < page_->size())
      item_.emplace((*page_)[at_]);
    else
      read();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const page_iterator &a, const page_iterator &b) { return a.source_ == b.source_; }
  friend bool operator!=(const page_iterator &a, const page_iterator &b) { return !(a == b); }

 private:
  void read() {
    at_ = 0;
    try {
      do page_ = std::make_shared<Page>(source_->next_page());
      while (page_->empty());
      item_.emplace((*page_)[0]);
    } catch (const error &failed) {
      if (failed.kind() != errc::closed) throw;
      source_ = nullptr;
    }
  }

  Source *source_ = nullptr;
  std::shared_ptr<Page> page_;
  std::size_t at_ = 0;
  std::optional<Item> item_;
};

// As C says how long to wait.
inline std::int64_t limit_of(std::optional<std::chrono::milliseconds> limit) {
  return limit ? std::max<std::int64_t>(limit->count(), 0) : -1;
}

}  // namespace detail

// Some changes, in the order of their numbers.
class change_page {
 public:
  change_page() = default;
  explicit change_page(dictsqlite_change_page raw) : raw_(raw) {}
  std::size_t size() const { return raw_.c().len; }
  bool empty() const { return size() == 0; }
  // `at` is below `size()`.
  change operator[](std::size_t at) const {
    const dictsqlite_change &raw = raw_.c().items[at];
    return {raw.seq, static_cast<change_kind>(raw.kind), raw.table, raw.storage_mode, key_view(raw.key),
            detail::optional_view(raw.before), detail::optional_view(raw.after), expiry_of(raw.expires_at),
            time_point(std::chrono::milliseconds(raw.at))};
  }

 private:
  detail::owned<dictsqlite_change_page, dictsqlite_change_page_free> raw_;
};

// Some of what a watch has found.
class watched_page {
 public:
  watched_page() = default;
  explicit watched_page(dictsqlite_page raw) : raw_(raw) {}
  std::size_t size() const { return raw_.c().len; }
  bool empty() const { return size() == 0; }
  // `at` is below `size()`.
  watched operator[](std::size_t at) const {
    const dictsqlite_item &raw = raw_.c().items[at];
    return {key_view(raw.key), detail::optional_view(raw.value), raw.version, expiry_of(raw.expires_at)};
  }

 private:
  detail::owned<dictsqlite_page, dictsqlite_page_free> raw_;
};

// Which changes a stream gives.
struct changes_options {
  // The changes after this number; 0 from the beginning of what is kept. Empty: what is committed from now on.
  std::optional<std::int64_t> since;
  // Only those of these tables; empty: of every table whose changes are logged.
  std::vector<std::string> tables;
  // Only those of keys of the prefix's own type that begin with it.
  std::optional<dictsqlite::key> prefix;
};

// A stream of changes: its pages, or a range that waits for the next one and ends when it is closed. Move-only; closed
// when it goes.
class changes {
 public:
  changes(dictsqlite_dict dict, const changes_options &options, on_error failure = {}) {
    std::vector<const char *> tables;
    for (const auto &name : options.tables) tables.push_back(name.c_str());
    const auto prefix = options.prefix ? std::optional<dictsqlite_key>(options.prefix->view().c()) : std::nullopt;
    const dictsqlite_changes_options raw{options.since ? &*options.since : nullptr, tables.data(), tables.size(),
                                         prefix ? &*prefix : nullptr};
    failure.check([&](auto error) { return dictsqlite_changes_begin(dict, &raw, &raw_, error); });
  }
  changes(changes &&other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  changes &operator=(changes &&other) noexcept {
    if (this != &other) {
      close();
      raw_ = std::exchange(other.raw_, {});
    }
    return *this;
  }
  ~changes() { close(); }

  dictsqlite_change_stream c() const { return raw_; }

  // The next changes, at most about a thousand. Waits for one; empty when the time has passed.
  change_page next_page(std::optional<std::chrono::milliseconds> limit = {}, on_error failure = {}) const {
    dictsqlite_change_page next{};
    failure.check([&](auto error) { return dictsqlite_changes_next(raw_, detail::limit_of(limit), &next, error); });
    return change_page(next);
  }

  template <class Done = to_future>
  auto next_page_async(Done done = {}, how where = {}) const {
    return detail::begin<change_page>(
        std::move(done), where,
        [](dictsqlite_result &r) { return change_page(std::exchange(r.changes, {})); },
        [&](auto call, auto op, auto error) { return dictsqlite_changes_next_async(raw_, call, op, error); });
  }

  // Up to this number everything was given out or passed over: `since` to go on from here.
  std::int64_t position(on_error failure = {}) const {
    std::int64_t got = 0;
    failure.check([&](auto error) { return dictsqlite_changes_position(raw_, &got, error); });
    return got;
  }

  // Ends it, from any thread; who waits for it gets errc::closed, and ranges end. Closing twice is fine.
  void close() const {
    if (raw_.id) dictsqlite_changes_close(raw_, nullptr);
  }

  using iterator = detail::page_iterator<const changes, change_page, change>;
  iterator begin() const { return iterator(this); }
  iterator end() const { return iterator(); }

 private:
  dictsqlite_change_stream raw_{};
};

// Keys being watched: pages of what is there first, then of what has changed; or a range. Move-only; closed when it
// goes.
class watch {
 public:
  // Without keys: all keys with the prefix, or all of the table; for that it must log its changes.
  watch(dictsqlite_dict dict, const std::vector<key_view> &keys, std::optional<key_view> prefix, on_error failure = {}) {
    const dictsqlite_key_list list{keys.empty() ? nullptr : &keys.data()->c(), keys.size()};
    failure.check([&](auto error) {
      return dictsqlite_watch_begin(dict, list, prefix ? &prefix->c() : nullptr, &raw_, error);
    });
  }
  watch(watch &&other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  watch &operator=(watch &&other) noexcept {
    if (this != &other) {
      close();
      raw_ = std::exchange(other.raw_, {});
    }
    return *this;
  }
  ~watch() { close(); }

  dictsqlite_watch c() const { return raw_; }

  // What is there, the first time; then what has changed since. Waits for it; empty when the time has passed.
  watched_page next_page(std::optional<std::chrono::milliseconds> limit = {}, on_error failure = {}) const {
    dictsqlite_page next{};
    failure.check([&](auto error) { return dictsqlite_watch_next(raw_, detail::limit_of(limit), &next, error); });
    return watched_page(next);
  }

  template <class Done = to_future>
  auto next_page_async(Done done = {}, how where = {}) const {
    return detail::begin<watched_page>(
        std::move(done), where, [](dictsqlite_result &r) { return watched_page(std::exchange(r.page, {})); },
        [&](auto call, auto op, auto error) { return dictsqlite_watch_next_async(raw_, call, op, error); });
  }

  // Ends it, from any thread; who waits for it gets errc::closed, and ranges end. Closing twice is fine.
  void close() const {
    if (raw_.id) dictsqlite_watch_close(raw_, nullptr);
  }

  using iterator = detail::page_iterator<const watch, watched_page, watched>;
  iterator begin() const { return iterator(this); }
  iterator end() const { return iterator(); }

 private:
  dictsqlite_watch raw_{};
};

}  // namespace dictsqlite

#endif
