// Errors: as exceptions, or as std::error_code.
#ifndef DICTSQLITE_ERROR_HPP
#define DICTSQLITE_ERROR_HPP

#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "key.hpp"

namespace dictsqlite {

// The codes of dictsqlite.h.
enum class errc {
  ok = DICTSQLITE_OK,
  key_missing = DICTSQLITE_KEY_MISSING,
  key_type = DICTSQLITE_KEY_TYPE,
  codec = DICTSQLITE_CODEC,
  conflict = DICTSQLITE_CONFLICT,
  busy = DICTSQLITE_BUSY,
  timeout = DICTSQLITE_TIMEOUT,
  cancelled = DICTSQLITE_CANCELLED,
  closed = DICTSQLITE_CLOSED,
  corrupt = DICTSQLITE_CORRUPT,
  full = DICTSQLITE_FULL,
  read_only = DICTSQLITE_READ_ONLY,
  password = DICTSQLITE_PASSWORD,
  unsupported = DICTSQLITE_UNSUPPORTED,
  invalid = DICTSQLITE_INVALID,
  io = DICTSQLITE_IO,
  internal = DICTSQLITE_INTERNAL
};

// The category of these codes.
inline const std::error_category &category() {
  class names final : public std::error_category {
   public:
    const char *name() const noexcept override { return "dictsqlite"; }
    std::string message(int code) const override {
      const char *name = dictsqlite_code_name(code);
      return name ? name : "unknown";
    }
  };
  static const names instance;
  return instance;
}

inline std::error_code make_error_code(errc code) { return {static_cast<int>(code), category()}; }

// What went wrong. what() says what to do about it.
class error : public std::system_error {
 public:
  explicit error(const dictsqlite_error *from)
      : std::system_error(static_cast<int>(dictsqlite_error_code(from)), category(),
                          dictsqlite_error_message(from)),
        message_(std::make_shared<std::string>(dictsqlite_error_message(from))),
        transient_(dictsqlite_error_is_transient(from)),
        history_truncated_(dictsqlite_error_is_history_truncated(from)) {
    dictsqlite_key named;
    if (dictsqlite_error_key(from, &named)) key_ = dictsqlite::key(key_view(named));
  }

  errc kind() const { return static_cast<errc>(code().value()); }
  const char *what() const noexcept override { return message_->c_str(); }
  // The key concerned, where there is one.
  const std::optional<dictsqlite::key> &key() const { return key_; }
  // True when the same operation may succeed later without any change by the caller.
  bool is_transient() const { return transient_; }
  // True when changes that were asked for were removed from the log already; the kind is errc::invalid.
  bool is_history_truncated() const { return history_truncated_; }

 private:
  std::shared_ptr<const std::string> message_;
  std::optional<dictsqlite::key> key_;
  bool transient_;
  bool history_truncated_;
};

// The last argument of every function: nothing, and errors are thrown; or a std::error_code that gets them.
class on_error {
 public:
  on_error() = default;
  on_error(std::error_code &code) : code_(&code) {}

  // Gives the error of a call its way. `call` takes where the error goes.
  template <class Call>
  bool check(Call &&call) const {
    dictsqlite_error *raised = nullptr;
    const dictsqlite_code code = call(&raised);
    if (code == DICTSQLITE_OK) {
      if (code_) code_->clear();
      return true;
    }
    struct owner {
      dictsqlite_error *error;
      ~owner() { dictsqlite_error_free(&error); }
    } owned{raised};
    if (!code_) throw error(raised);
    *code_ = make_error_code(static_cast<errc>(code));
    return false;
  }

 private:
  std::error_code *code_ = nullptr;
};

}  // namespace dictsqlite

template <>
struct std::is_error_code_enum<dictsqlite::errc> : std::true_type {};

#endif
