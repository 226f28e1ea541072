// How the results of asynchronous operations are moved out of C's.
#ifndef DICTSQLITE_RESULT_HPP
#define DICTSQLITE_RESULT_HPP

#include <utility>

#include "value.hpp"

namespace dictsqlite {

namespace detail {

inline constexpr auto nothing = [](dictsqlite_result &) {};
inline constexpr auto take_value = [](dictsqlite_result &r) { return value::of(std::exchange(r.value, {})); };
inline constexpr auto take_entry = [](dictsqlite_result &r) { return entry::of(std::exchange(r.entry, {})); };
inline constexpr auto take_values = [](dictsqlite_result &r) { return values(std::exchange(r.values, {})); };
inline constexpr auto take_page = [](dictsqlite_result &r) { return page(std::exchange(r.page, {})); };
inline constexpr auto take_tables = [](dictsqlite_result &r) { return tables_of(std::exchange(r.tables, {})); };
inline constexpr auto take_truth = [](dictsqlite_result &r) { return r.number != 0; };
inline constexpr auto take_number = [](dictsqlite_result &r) { return r.number; };
inline constexpr auto take_count = [](dictsqlite_result &r) { return static_cast<std::uint64_t>(r.number); };

}  // namespace detail

}  // namespace dictsqlite

#endif
