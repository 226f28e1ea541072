// Scans: ranges that read a page at a time and hold nothing between pages.
#ifndef DICTSQLITE_SCAN_HPP
#define DICTSQLITE_SCAN_HPP

#include <iterator>
#include <optional>

#include "error.hpp"
#include "value.hpp"

namespace dictsqlite {

enum class order { by_default, insertion, key };

// What to scan. With `prefix`, `start` or `end` the order is key order unless said otherwise.
struct scan_options {
  // Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements.
  std::optional<dictsqlite::key> prefix;
  // Only keys not below `start`, and below `end`, in key order across types.
  std::optional<dictsqlite::key> start;
  std::optional<dictsqlite::key> end;
  std::optional<std::uint64_t> limit;
  bool reverse = false;
  dictsqlite::order order = order::by_default;
  // One moment for the whole scan, at the price of a read transaction that stays open.
  bool consistent = false;
  // Without values, which makes a scan of large values cheap.
  bool keys_only = false;
};

// A scan under way: its pages, or a range of items. Move-only; closed when it goes.
class scan {
 public:
  scan(dictsqlite_dict dict, const scan_options &options, on_error failure = {})
      : scan(options, failure, [&](auto raw, auto into, auto error) {
          return dictsqlite_scan_begin(dict, raw, into, error);
        }) {}
  // In a transaction.
  scan(dictsqlite_tx tx, const scan_options &options, on_error failure = {})
      : scan(options, failure, [&](auto raw, auto into, auto error) {
          return dictsqlite_tx_scan_begin(tx, raw, into, error);
        }) {}
  scan(scan &&other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  scan &operator=(scan &&other) noexcept {
    if (this != &other) {
      close();
      raw_ = std::exchange(other.raw_, {});
    }
    return *this;
  }
  ~scan() { close(); }

  dictsqlite_scan c() const { return raw_; }

  // The next entries; an empty page is the end.
  page next_page(on_error failure = {}) {
    dictsqlite_page next{};
    failure.check([&](auto error) { return dictsqlite_scan_next(raw_, &next, error); });
    return page(next);
  }

  // Ends it early. Closing twice is fine.
  void close() {
    if (raw_.id) dictsqlite_scan_close(std::exchange(raw_, {}), nullptr);
  }

  // Reads as it goes on. What it shows is valid until it does.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = item;
    using difference_type = std::ptrdiff_t;
    using pointer = const item *;
    using reference = const item &;

    iterator() = default;
    explicit iterator(scan *from) : scan_(from) { read(); }
    reference operator*() const { return *item_; }
    pointer operator->() const { return &*item_; }
    iterator &operator++() {
      if (++at_ < page_->size())
        item_.emplace((*page_)[at_]);
      else
        read();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator &a, const iterator &b) { return a.scan_ == b.scan_; }
    friend bool operator!=(const iterator &a, const iterator &b) { return !(a == b); }

   private:
    void read() {
      page_ = std::make_shared<page>(scan_->next_page());
      at_ = 0;
      if (page_->empty())
        scan_ = nullptr;
      else
        item_.emplace((*page_)[0]);
    }

    scan *scan_ = nullptr;
    std::shared_ptr<page> page_;
    std::size_t at_ = 0;
    std::optional<item> item_;
  };

  // A scan is walked once: the second `begin` goes on where the first one's pages ended.
  iterator begin() { return iterator(this); }
  iterator end() { return iterator(); }

 private:
  template <class Begin>
  scan(const scan_options &options, on_error failure, Begin begin) {
    const auto c = [](const std::optional<key> &key) {
      return key ? std::optional<dictsqlite_key>(key->view().c()) : std::nullopt;
    };
    const auto at = [](const auto &held) { return held ? &*held : nullptr; };
    const auto prefix = c(options.prefix), start = c(options.start), end = c(options.end);
    dictsqlite_scan_options raw{at(prefix), at(start), at(end), at(options.limit), 0};
    if (options.reverse) raw.flags |= DICTSQLITE_SCAN_REVERSE;
    if (options.consistent) raw.flags |= DICTSQLITE_SCAN_CONSISTENT;
    if (options.keys_only) raw.flags |= DICTSQLITE_SCAN_KEYS_ONLY;
    if (options.order == order::key) raw.flags |= DICTSQLITE_SCAN_KEY_ORDER;
    if (options.order == order::insertion) raw.flags |= DICTSQLITE_SCAN_INSERTION_ORDER;
    failure.check([&](auto error) { return begin(&raw, &raw_, error); });
  }

  dictsqlite_scan raw_{};
};

}  // namespace dictsqlite

#endif
