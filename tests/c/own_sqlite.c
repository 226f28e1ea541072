/* A program may have another SQLite, or what is called like it, beside the library. */
#include "check.h"

int sqlite3_open(const char *path) { return path[0]; }

static void tests(void) {
#ifdef __APPLE__
  return; /* There the archive is not hidden. */
#endif
  CHECK(sqlite3_open("x") == 'x');
  dictsqlite_dict dict = opened("own.db");
  OK(dictsqlite_set(dict, dictsqlite_text("k"), dictsqlite_str("v"), &error));
  OK(dictsqlite_close(dict, &error));
}
