/* Uses the installed library as a user would, in an empty directory: use_c VERSION. */
#include <dictsqlite.h>
#include <stdio.h>
#include <string.h>

#define CHECK(what) \
  do { \
    if (!(what)) { \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
      return 1; \
    } \
  } while (0)

int main(int argc, char **argv) {
  CHECK(argc == 2 && strcmp(dictsqlite_version(), argv[1]) == 0);
  for (int round = 0; round < 2; round++) {
    dictsqlite_dict dict;
    dictsqlite_error *error = NULL;
    CHECK(dictsqlite_open("c.db", dictsqlite_no_options(), &dict, &error) == DICTSQLITE_OK);
    dictsqlite_value value;
    CHECK(dictsqlite_get(dict, dictsqlite_text("user:1"), &value, &error) == DICTSQLITE_OK);
    CHECK(round == 0 ? value.data == NULL : value.len == 3 && memcmp(value.data, "Ada", 3) == 0);
    dictsqlite_value_free(&value);
    CHECK(dictsqlite_set(dict, dictsqlite_text("user:1"), dictsqlite_str("Ada"), &error) == DICTSQLITE_OK);
    CHECK(dictsqlite_close(dict, &error) == DICTSQLITE_OK);
  }
  printf("C: works\n");
  return 0;
}
