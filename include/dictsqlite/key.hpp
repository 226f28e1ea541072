// Keys: text, 64-bit integers, bytes, and tuples of these.
#ifndef DICTSQLITE_KEY_HPP
#define DICTSQLITE_KEY_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../dictsqlite.h"

namespace dictsqlite {

// Bytes that somebody else owns.
class bytes_view {
 public:
  constexpr bytes_view() = default;
  constexpr bytes_view(const void *data, std::size_t size) : data_(data), size_(size) {}
  bytes_view(const std::vector<std::byte> &bytes) : data_(bytes.data()), size_(bytes.size()) {}
  bytes_view(const std::vector<std::uint8_t> &bytes) : data_(bytes.data()), size_(bytes.size()) {}

  const void *data() const { return data_; }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {static_cast<const char *>(data_), size_}; }

 private:
  const void *data_ = nullptr;
  std::size_t size_ = 0;
};

// A key that somebody else owns: what functions take, and what pages show.
class key_view {
 public:
  key_view(std::string_view text) : key_(dictsqlite_text_n(text.data(), text.size())) {}
  key_view(const char *text) : key_(dictsqlite_text(text)) {}
  key_view(const std::string &text) : key_view(std::string_view(text)) {}
  key_view(bytes_view bytes) : key_(dictsqlite_bytes(bytes.data(), bytes.size())) {}
  key_view(const std::vector<std::byte> &bytes) : key_view(bytes_view(bytes)) {}
  key_view(const std::vector<std::uint8_t> &bytes) : key_view(bytes_view(bytes)) {}
  // Integers; not bool, and nothing that 64 bits with a sign do not hold.
  template <class I, class = std::enable_if_t<std::is_integral_v<I> && !std::is_same_v<I, bool> &&
                                              !std::is_same_v<I, char> &&
                                              (std::is_signed_v<I> || sizeof(I) < sizeof(std::int64_t))>>
  key_view(I integer) : key_(dictsqlite_integer(static_cast<std::int64_t>(integer))) {}
  // A tuple, for the length of the call that it is written in. Braces always make one, of one element too.
  key_view(std::initializer_list<key_view> items) : key_(tuple_of(items.begin(), items.size())) {}
  key_view(const std::vector<key_view> &items) : key_(tuple_of(items.data(), items.size())) {}
  explicit key_view(const dictsqlite_key &key) : key_(key) {}

  const dictsqlite_key &c() const { return key_; }
  bool is_integer() const { return key_.type == DICTSQLITE_KEY_INTEGER; }
  bool is_text() const { return key_.type == DICTSQLITE_KEY_TEXT; }
  bool is_bytes() const { return key_.type == DICTSQLITE_KEY_BYTES; }
  bool is_tuple() const { return key_.type == DICTSQLITE_KEY_TUPLE; }

  // What it is, if it is that; else 0 or nothing.
  std::int64_t integer() const { return is_integer() ? key_.integer : 0; }
  std::string_view text() const {
    return is_text() ? std::string_view(static_cast<const char *>(key_.data), key_.len) : std::string_view();
  }
  bytes_view bytes() const { return is_bytes() ? bytes_view(key_.data, key_.len) : bytes_view(); }
  // Elements of a tuple; 0 for other keys.
  std::size_t size() const { return is_tuple() ? key_.len : 0; }
  // An element of a tuple; `at` is below `size()`.
  key_view operator[](std::size_t at) const {
    return key_view(static_cast<const dictsqlite_key *>(key_.data)[at]);
  }

  friend bool operator==(const key_view &a, const key_view &b) {
    if (a.key_.type != b.key_.type) return false;
    if (a.is_integer()) return a.key_.integer == b.key_.integer;
    if (a.key_.len != b.key_.len) return false;
    if (!a.is_tuple()) return a.key_.len == 0 || std::memcmp(a.key_.data, b.key_.data, a.key_.len) == 0;
    for (std::size_t at = 0; at < a.size(); ++at)
      if (!(a[at] == b[at])) return false;
    return true;
  }
  friend bool operator!=(const key_view &a, const key_view &b) { return !(a == b); }

  // For people: text and bytes as they are.
  friend std::ostream &operator<<(std::ostream &out, const key_view &key) {
    if (key.is_integer()) return out << key.integer();
    if (key.is_text()) return out << key.text();
    if (key.is_bytes()) return out << key.bytes().view();
    out << '(';
    for (std::size_t at = 0; at < key.size(); ++at) out << (at ? ", " : "") << key[at];
    return out << ')';
  }

 private:
  static dictsqlite_key tuple_of(const key_view *items, std::size_t size) {
    static_assert(sizeof(key_view) == sizeof(dictsqlite_key) && std::is_standard_layout_v<key_view>);
    return dictsqlite_tuple(reinterpret_cast<const dictsqlite_key *>(items), size);
  }

  dictsqlite_key key_;
};

// A key of one's own.
class key {
 public:
  explicit key(const key_view &view) : held_(std::make_shared<held>(view)) {}
  template <class T, class = std::enable_if_t<std::is_convertible_v<T, key_view> &&
                                              !std::is_same_v<std::decay_t<T>, key> &&
                                              !std::is_same_v<std::decay_t<T>, key_view>>>
  key(T &&from) : key(key_view(std::forward<T>(from))) {}
  key(std::initializer_list<key_view> items) : key(key_view(items)) {}

  operator key_view() const { return view(); }
  key_view view() const { return key_view(held_->key); }
  friend bool operator==(const key &a, const key &b) { return a.view() == b.view(); }
  friend bool operator!=(const key &a, const key &b) { return !(a == b); }
  friend std::ostream &operator<<(std::ostream &out, const key &key) { return out << key.view(); }

 private:
  struct held {
    explicit held(const key_view &view) : key(view.c()) {
      if (view.is_tuple()) {
        for (std::size_t at = 0; at < view.size(); ++at) elements.push_back(std::make_unique<held>(view[at]));
        for (const auto &element : elements) items.push_back(element->key);
        key.data = items.data();
      } else if (!view.is_integer()) {
        bytes.assign(static_cast<const char *>(key.data), key.len);
        key.data = bytes.data();
      }
    }
    dictsqlite_key key;
    std::string bytes;
    std::vector<std::unique_ptr<held>> elements;
    std::vector<dictsqlite_key> items;
  };

  // Never changed, so that copies may share it.
  std::shared_ptr<const held> held_;
};

}  // namespace dictsqlite

#endif
