// Asynchronous operations: as std::future, or with a callback; called by a thread of the library, or by
// whichever thread runs a queue.
#ifndef DICTSQLITE_ASYNC_HPP
#define DICTSQLITE_ASYNC_HPP

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "error.hpp"

namespace dictsqlite {

// Finished operations wait here until somebody runs it. `descriptor()` is readable while some do, for `poll`
// or an event loop.
class queue {
 public:
  queue() {
    on_error().check([&](auto error) { return dictsqlite_queue_open(&raw_, error); });
  }
  queue(const queue &) = delete;
  queue &operator=(const queue &) = delete;
  // Waits for what is under way, and calls it back.
  ~queue() {
    while (dictsqlite_queue_close(raw_, nullptr) == DICTSQLITE_BUSY)
      if (dictsqlite_queue_run(raw_, -1, nullptr, nullptr) != DICTSQLITE_OK) break;
  }

  dictsqlite_queue c() const { return raw_; }

  // -1 where the system has none. It is the queue's.
  int descriptor(on_error failure = {}) const {
    std::int32_t descriptor = -1;
    failure.check([&](auto error) { return dictsqlite_queue_descriptor(raw_, &descriptor, error); });
    return descriptor;
  }

  // Calls back on this thread what is finished, after waiting for something for at most `limit` if
  // anything is under way. Gives how many that were.
  std::uint64_t run(std::chrono::milliseconds limit = std::chrono::milliseconds(0), on_error failure = {}) {
    std::uint64_t count = 0;
    failure.check([&](auto error) { return dictsqlite_queue_run(raw_, limit.count(), &count, error); });
    return count;
  }

  // Operations that were not called back yet.
  std::uint64_t pending(on_error failure = {}) const {
    std::uint64_t count = 0;
    failure.check([&](auto error) { return dictsqlite_queue_pending(raw_, &count, error); });
    return count;
  }

 private:
  dictsqlite_queue raw_{};
};

// An operation under way, to be cancelled.
class operation {
 public:
  // True when it never happens (or, if it only reads, its result is thrown away): then its result is
  // errc::cancelled.
  bool cancel(on_error failure = {}) const {
    bool cancelled = false;
    failure.check([&](auto error) { return dictsqlite_cancel(raw_, &cancelled, error); });
    return cancelled;
  }
  dictsqlite_op &c() { return raw_; }

 private:
  dictsqlite_op raw_{};
};

// Who calls back: the queue, or without one a thread of the library; and where the operation goes.
struct how {
  queue *on = nullptr;
  operation *op = nullptr;
};

// What came of an operation: a result or an error.
template <class T>
class outcome {
 public:
  using stored = std::conditional_t<std::is_void_v<T>, char, T>;

  explicit outcome(stored value) : value_(std::move(value)) {}
  explicit outcome(error failed) : error_(std::move(failed)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  // Valid if it failed.
  const dictsqlite::error &failure() const { return *error_; }
  // The result, once; throws the error if it failed.
  T get() {
    if (error_) throw *error_;
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  std::optional<stored> value_;
  std::optional<dictsqlite::error> error_;
};

// In the place of a callback: a std::future is wanted.
struct to_future {};

namespace detail {

// Begins an operation. `submit` calls C's function with the last three arguments, `take` moves its result out
// of C's, and `done` gets the outcome, exactly once; it must not throw.
template <class T, class Done, class Take, class Submit>
void start(Done done, how where, Take take, Submit submit) {
  struct waiting {
    Done done;
    Take take;
  };
  auto state = std::make_unique<waiting>(waiting{std::move(done), std::move(take)});
  const auto callback = [](void *user_data, dictsqlite_result *result) noexcept {
    const std::unique_ptr<waiting> state(static_cast<waiting *>(user_data));
    if (result->code != DICTSQLITE_OK) {
      state->done(outcome<T>(error(result->error)));
    } else if constexpr (std::is_void_v<T>) {
      state->done(outcome<T>(char()));
    } else {
      state->done(outcome<T>(state->take(*result)));
    }
  };
  const dictsqlite_call call{where.on ? where.on->c() : dictsqlite_queue{}, callback, state.get()};
  on_error().check([&](auto error) { return submit(call, where.op ? &where.op->c() : nullptr, error); });
  // From here on it is the callback's.
  static_cast<void>(state.release());
}

// The same; gives a future if `done` asks for one. What cannot begin is thrown at once.
template <class T, class Done, class Take, class Submit>
auto begin(Done done, how where, Take take, Submit submit) {
  if constexpr (std::is_same_v<Done, to_future>) {
    std::promise<T> promise;
    auto future = promise.get_future();
    auto fulfil = [promise = std::move(promise)](outcome<T> came) mutable {
      if (!came) {
        promise.set_exception(std::make_exception_ptr(came.failure()));
      } else if constexpr (std::is_void_v<T>) {
        promise.set_value();
      } else {
        promise.set_value(came.get());
      }
    };
    start<T>(std::move(fulfil), where, std::move(take), std::move(submit));
    return future;
  } else {
    start<T>(std::move(done), where, std::move(take), std::move(submit));
  }
}

}  // namespace detail

}  // namespace dictsqlite

#endif
