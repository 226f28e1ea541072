/* The JSON that bridges read: a tree of nodes. Integers are exact; text may hold NUL. */
#ifndef BRIDGE_JSON_H
#define BRIDGE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum json_type { JSON_NULL, JSON_BOOL, JSON_INTEGER, JSON_REAL, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_type;

typedef struct json {
  json_type type;
  bool truth;
  int64_t integer;
  double real; /* Of integers too. */
  char *text; /* With a NUL behind it. */
  size_t len;
  char *name; /* Of a member of an object. */
  struct json *first; /* Of lists and objects. */
  struct json *next;
} json;

/* NULL if it is no JSON. To be freed. */
json *json_parse(const char *text);
void json_free(json *node);
/* A member of an object; NULL if there is none. */
const json *json_member(const json *object, const char *name);
size_t json_count(const json *list);

#ifdef __cplusplus
}
#endif

#endif
