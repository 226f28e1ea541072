// What the store gives, owned: values, entries, lists; and what it takes beside keys.
#ifndef DICTSQLITE_VALUE_HPP
#define DICTSQLITE_VALUE_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "key.hpp"

namespace dictsqlite {

namespace detail {

// Owns a C struct that its free function sets to zero.
template <class T, void (*Free)(T *)>
class owned {
 public:
  owned() = default;
  explicit owned(T raw) : raw_(raw) {}
  owned(owned &&other) noexcept : raw_(std::exchange(other.raw_, T{})) {}
  owned &operator=(owned &&other) noexcept {
    if (this != &other) {
      Free(&raw_);
      raw_ = std::exchange(other.raw_, T{});
    }
    return *this;
  }
  ~owned() { Free(&raw_); }

  T &c() { return raw_; }
  const T &c() const { return raw_; }

 private:
  T raw_{};
};

inline std::string_view view_of(const dictsqlite_slice &slice) {
  return {static_cast<const char *>(slice.data), slice.len};
}

}  // namespace detail

using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

inline std::optional<time_point> expiry_of(std::int64_t ms) {
  if (ms == 0) return std::nullopt;
  return time_point(std::chrono::milliseconds(ms));
}

// Bytes of a value that somebody else owns, to be written.
class value_view {
 public:
  value_view(std::string_view text) : slice_(dictsqlite_data(text.data(), text.size())) {}
  value_view(const char *text) : slice_(dictsqlite_str(text)) {}
  value_view(const std::string &text) : value_view(std::string_view(text)) {}
  value_view(bytes_view bytes) : slice_(dictsqlite_data(bytes.data(), bytes.size())) {}
  value_view(const std::vector<std::byte> &bytes) : value_view(bytes_view(bytes)) {}
  value_view(const std::vector<std::uint8_t> &bytes) : value_view(bytes_view(bytes)) {}

  dictsqlite_slice c() const { return slice_; }

 private:
  dictsqlite_slice slice_;
};

// A value: shared with the store's cache, not copied. Read-only.
class value {
 public:
  explicit value(dictsqlite_value raw) : raw_(raw) {}

  std::string_view view() const {
    return {reinterpret_cast<const char *>(raw_.c().data), raw_.c().len};
  }
  operator std::string_view() const { return view(); }
  std::string str() const { return std::string(view()); }
  const std::byte *data() const { return reinterpret_cast<const std::byte *>(raw_.c().data); }
  std::size_t size() const { return raw_.c().len; }
  friend bool operator==(const value &a, std::string_view b) { return a.view() == b; }
  friend bool operator!=(const value &a, std::string_view b) { return a.view() != b; }

  // What C gave, unless it says that there is none.
  static std::optional<value> of(dictsqlite_value raw) {
    if (!raw.data) return std::nullopt;
    return value(raw);
  }

 private:
  detail::owned<dictsqlite_value, dictsqlite_value_free> raw_;
};

// A value with what the store knows about it.
struct entry {
  dictsqlite::value value;
  // The number of the operation that wrote it; never reused within a store.
  std::int64_t version;
  // Empty: never.
  std::optional<time_point> expires_at;

  static std::optional<entry> of(dictsqlite_entry raw) {
    if (!raw.value.data) return std::nullopt;
    return entry{dictsqlite::value(raw.value), raw.version, expiry_of(raw.expires_at)};
  }
};

// The values of many keys, in their order; empty for those that are absent.
class values {
 public:
  explicit values(dictsqlite_values raw) : raw_(raw) {}
  std::size_t size() const { return raw_.c().len; }
  // `at` is below `size()`. The view is this object's.
  std::optional<std::string_view> operator[](std::size_t at) const {
    const dictsqlite_slice &slice = raw_.c().items[at];
    if (!slice.data) return std::nullopt;
    return detail::view_of(slice);
  }

 private:
  detail::owned<dictsqlite_values, dictsqlite_values_free> raw_;
};

// One entry of a page. Key and value are the page's.
struct item {
  key_view key;
  std::string_view value;
  std::int64_t version;
  std::optional<time_point> expires_at;
};

// Some entries of a scan; of none at its end.
class page {
 public:
  page() = default;
  explicit page(dictsqlite_page raw) : raw_(raw) {}
  std::size_t size() const { return raw_.c().len; }
  bool empty() const { return size() == 0; }
  // `at` is below `size()`.
  item operator[](std::size_t at) const {
    const dictsqlite_item &raw = raw_.c().items[at];
    return {key_view(raw.key), detail::view_of(raw.value), raw.version, expiry_of(raw.expires_at)};
  }

 private:
  detail::owned<dictsqlite_page, dictsqlite_page_free> raw_;
};

// A table: its name, and the name of its codec.
struct table_info {
  std::string name;
  std::string storage_mode;
};

inline std::vector<table_info> tables_of(dictsqlite_tables raw) {
  detail::owned<dictsqlite_tables, dictsqlite_tables_free> owner(raw);
  std::vector<table_info> tables;
  for (std::size_t at = 0; at < raw.len; ++at)
    tables.push_back({raw.items[at].name, raw.items[at].storage_mode});
  return tables;
}

// What a handle is. A store in memory has no path.
struct info {
  std::string table, storage_mode, persist_mode;
  std::optional<std::string> path;
  bool read_only = false;
};

inline info info_of(dictsqlite_info raw) {
  detail::owned<dictsqlite_info, dictsqlite_info_free> owner(raw);
  if (!raw.table) return {};
  std::optional<std::string> path;
  if (raw.path) path = raw.path;
  return {raw.table, raw.storage_mode, raw.persist_mode, path, raw.read_only};
}

// How long an entry lives: as the handle says, for ever, or for a duration above 0.
class ttl {
 public:
  ttl() = default;
  template <class Rep, class Period>
  ttl(std::chrono::duration<Rep, Period> after)
      : ms_(std::chrono::ceil<std::chrono::milliseconds>(after).count()) {}
  static ttl never() { return ttl(DICTSQLITE_TTL_NEVER); }
  std::int64_t c() const { return ms_; }

 private:
  explicit ttl(std::int64_t ms) : ms_(ms) {}
  std::int64_t ms_ = DICTSQLITE_TTL_DEFAULT;
};

}  // namespace dictsqlite

#endif
