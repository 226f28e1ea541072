// Uses the installed library as a user would, in an empty directory: use_cpp VERSION.
#include <dictsqlite.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

static void check(bool right, const char *what) {
  if (!right) throw std::runtime_error(what);
}

int main(int argc, char **argv) {
  check(argc == 2 && std::string(dictsqlite_version()) == argv[1], "another version");
  {
    dictsqlite::store store("cpp.db");
    store.set("user:1", "Ada");
    store.set_many({{1, "one"}, {2, "two"}});
  }
  dictsqlite::store store("cpp.db");
  check(store.get("user:1")->view() == "Ada", "the value is another");
  check(store.get_async(2).get()->view() == "two", "the future has another");
  int seen = 0;
  for (const auto &item : store.scan()) seen += item.key == dictsqlite::key("user:1") ? 1 : 0;
  check(seen == 1 && store.size() == 3, "the scan saw something else");
  std::cout << "C++: works\n";
}
