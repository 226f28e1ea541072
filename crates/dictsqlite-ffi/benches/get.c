/* A hot get from C, N times: prints nanoseconds a get. Its counterpart for the engine is get.rs. */
#define _POSIX_C_SOURCE 199309L
#include <dictsqlite.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ENTRIES = 1000 };

static char names[ENTRIES][24];

/* Never inlined, so that callgrind can be told to count what is inside. */
__attribute__((noinline)) int measured_get(dictsqlite_dict dict, long n) {
  for (long i = 0; i < n; i++) {
    const char *name = names[i * 7 % ENTRIES];
    dictsqlite_value value;
    if (dictsqlite_get(dict, dictsqlite_text_n(name, 13), &value, NULL) || value.len != 100) return 1;
    dictsqlite_value_free(&value);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  long n = atol(arguments[2]);
  dictsqlite_dict dict;
  char bytes[100] = {1};
  if (dictsqlite_open(arguments[1], dictsqlite_no_options(), &dict, NULL)) return 1;
  for (int i = 0; i < ENTRIES; i++) {
    snprintf(names[i], sizeof names[i], "user:%05d:%02d", i / 100, i % 100);
    if (dictsqlite_set(dict, dictsqlite_text(names[i]), dictsqlite_data(bytes, sizeof bytes), NULL)) return 1;
  }
  if (dictsqlite_flush(dict, false, NULL) || measured_get(dict, ENTRIES)) return 1;
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  if (measured_get(dict, n)) return 1;
  clock_gettime(CLOCK_MONOTONIC, &to);
  printf("%.2f\n", ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)n);
  return dictsqlite_close(dict, NULL) != DICTSQLITE_OK;
}
