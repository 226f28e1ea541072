// What the C++ tests share.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdlib>
#include <dictsqlite.hpp>
#include <iostream>
#include <string>

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      std::cerr << __FILE__ << ':' << __LINE__ << ": not so: " << #condition << std::endl;  \
      std::exit(1);                                                                         \
    }                                                                                       \
  } while (0)

// What is thrown has this kind, and says this.
#define THROWS(expected, says, expression)                                                  \
  do {                                                                                      \
    try {                                                                                   \
      static_cast<void>(expression);                                                        \
      std::cerr << __FILE__ << ':' << __LINE__ << ": nothing thrown" << std::endl;          \
      std::exit(1);                                                                         \
    } catch (const dictsqlite::error &error) {                                              \
      CHECK(error.kind() == dictsqlite::errc::expected);                                    \
      CHECK(std::string(error.what()).find(says) != std::string::npos);                     \
    }                                                                                       \
  } while (0)

inline std::string directory;

inline std::string path_to(const std::string &name) { return directory + "/" + name; }

void tests();

int main(int count, char **arguments) {
  if (count != 2) return 2;
  directory = arguments[1];
  tests();
  return 0;
}

#endif
