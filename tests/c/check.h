/* What the C tests share: checks that say where they failed, and a path in the test's own directory. */
#define _DEFAULT_SOURCE /* usleep */
#ifndef CHECK_H
#define CHECK_H

#include <dictsqlite.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
      exit(1);                                                                  \
    }                                                                           \
  } while (0)

/* A call whose last argument is `&error`, and that must succeed. */
#define OK(call)                                                                \
  do {                                                                          \
    dictsqlite_error *error = NULL;                                             \
    dictsqlite_code code = (call);                                              \
    if (code != DICTSQLITE_OK) {                                                \
      fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call,         \
              dictsqlite_code_name(code), dictsqlite_error_message(error));     \
      exit(1);                                                                  \
    }                                                                           \
    CHECK(error == NULL);                                                       \
  } while (0)

/* A call whose last argument is `&error`, and that must fail so, with a message that contains `says`. */
#define FAILS(expected, says, call)                                             \
  do {                                                                          \
    dictsqlite_error *error = NULL;                                             \
    dictsqlite_code code = (call);                                              \
    if (code != (expected) || strstr(dictsqlite_error_message(error), says) == NULL) { \
      fprintf(stderr, "%s:%d: %s: %d, %s\n", __FILE__, __LINE__, #call, code,   \
              dictsqlite_error_message(error));                                 \
      exit(1);                                                                  \
    }                                                                           \
    CHECK(dictsqlite_error_code(error) == code);                                \
    dictsqlite_error_free(&error);                                              \
    CHECK(error == NULL);                                                       \
  } while (0)

/* Options from a list of names and values. */
#define OPTIONS(...) options_of((const dictsqlite_option[]){__VA_ARGS__, {NULL, NULL}})

static inline dictsqlite_option_list options_of(const dictsqlite_option *items) {
  dictsqlite_option_list list = {items, 0};
  while (items[list.len].name != NULL) list.len++;
  return list;
}

static const char *directory;

/* A path in the directory that the test was given. */
static inline const char *path_to(const char *name) {
  static _Thread_local char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static inline dictsqlite_dict opened(const char *name) {
  dictsqlite_dict dict;
  OK(dictsqlite_open(path_to(name), dictsqlite_no_options(), &dict, &error));
  return dict;
}

static inline int holds(const dictsqlite_value *value, const char *text) {
  return value->data != NULL && value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
}

static inline int is(dictsqlite_slice slice, const char *text) {
  return slice.data != NULL && slice.len == strlen(text) && memcmp(slice.data, text, slice.len) == 0;
}

/* The value of a text key is `text`, or absent for NULL. */
static inline int has(dictsqlite_dict dict, const char *key, const char *text) {
  dictsqlite_value value;
  OK(dictsqlite_get(dict, dictsqlite_text(key), &value, &error));
  int same = text == NULL ? value.data == NULL : holds(&value, text);
  dictsqlite_value_free(&value);
  return same;
}

static void tests(void);

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: %s DIRECTORY\n", arguments[0]);
    return 2;
  }
  directory = arguments[1];
  tests();
  return 0;
}

#endif
