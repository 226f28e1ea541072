#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json *value(const char **at);

static void space(const char **at) {
  while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r') ++*at;
}

static bool taken(const char **at, const char *word) {
  size_t len = strlen(word);
  if (strncmp(*at, word, len) != 0) return false;
  *at += len;
  return true;
}

static json *made(json_type type) {
  json *node = (json *)calloc(1, sizeof(json));
  if (node == NULL) abort();
  node->type = type;
  return node;
}

void json_free(json *node) {
  while (node != NULL) {
    json *next = node->next;
    json_free(node->first);
    free(node->text);
    free(node->name);
    free(node);
    node = next;
  }
}

/* Four hexadecimal digits; -1 if they are none. */
static long unit(const char **at) {
  long code = 0;
  for (int i = 0; i < 4; i++) {
    char c = **at;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
    ++*at;
  }
  return code;
}

static char *utf8(char *to, long code) {
  if (code < 0x80) {
    *to++ = (char)code;
  } else if (code < 0x800) {
    *to++ = (char)(0xC0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *to++ = (char)(0xE0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    *to++ = (char)(0x80 | (code & 0x3F));
  } else {
    *to++ = (char)(0xF0 | code >> 18);
    *to++ = (char)(0x80 | (code >> 12 & 0x3F));
    *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    *to++ = (char)(0x80 | (code & 0x3F));
  }
  return to;
}

/* What follows a backslash; NULL if it is nothing known. */
static char *escape(const char **at, char *to) {
  static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
  char c = *(*at)++;
  const char *found = c == '\0' ? NULL : strchr(names, c);
  if (found != NULL) {
    *to++ = means[found - names];
    return to;
  }
  if (c != 'u') return NULL;
  long code = unit(at);
  if (code >= 0xD800 && code < 0xDC00) {
    if (!taken(at, "\\u")) return NULL;
    long low = unit(at);
    if (low < 0xDC00 || low > 0xDFFF) return NULL;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF)) {
    return NULL;
  }
  return utf8(to, code);
}

/* A string, of which the opening quote was taken; NULL if it does not end. */
static char *string(const char **at, size_t *len) {
  const char *end = *at;
  while (*end != '\0' && *end != '"') end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
  /* No escape is shorter than what it stands for. */
  char *text = (char *)malloc((size_t)(end - *at) + 1), *to = text;
  if (text == NULL) abort();
  while (to != NULL && **at != '"' && **at != '\0') {
    if (**at == '\\') {
      ++*at;
      to = escape(at, to);
    } else {
      *to++ = *(*at)++;
    }
  }
  if (to == NULL || *(*at)++ != '"') {
    free(text);
    return NULL;
  }
  *to = '\0';
  *len = (size_t)(to - text);
  return text;
}

static json *number(const char **at) {
  char *end_of_integer, *end_of_real;
  errno = 0;
  long long integer = strtoll(*at, &end_of_integer, 10);
  bool fits = errno == 0;
  double real = strtod(*at, &end_of_real);
  if (end_of_real == *at) return NULL;
  json *node = made(fits && end_of_integer == end_of_real ? JSON_INTEGER : JSON_REAL);
  node->integer = integer;
  node->real = real;
  *at = end_of_real;
  return node;
}

/* The members of a list or an object, of which the opening bracket was taken. */
static bool members(const char **at, json *whole) {
  const char *close = whole->type == JSON_LIST ? "]" : "}";
  json **last = &whole->first;
  space(at);
  if (taken(at, close)) return true;
  do {
    char *name = NULL;
    size_t len;
    space(at);
    if (whole->type == JSON_OBJECT) {
      if (!taken(at, "\"") || (name = string(at, &len)) == NULL) return false;
      space(at);
      if (!taken(at, ":")) {
        free(name);
        return false;
      }
    }
    *last = value(at);
    if (*last == NULL) {
      free(name);
      return false;
    }
    (*last)->name = name;
    last = &(*last)->next;
    space(at);
  } while (taken(at, ","));
  return taken(at, close);
}

static json *value(const char **at) {
  json *node = NULL;
  space(at);
  if (taken(at, "null")) return made(JSON_NULL);
  if (taken(at, "true")) {
    node = made(JSON_BOOL);
    node->truth = true;
    return node;
  }
  if (taken(at, "false")) return made(JSON_BOOL);
  if (taken(at, "\"")) {
    node = made(JSON_TEXT);
    node->text = string(at, &node->len);
    if (node->text != NULL) return node;
  } else if (taken(at, "[") || taken(at, "{")) {
    node = made((*at)[-1] == '[' ? JSON_LIST : JSON_OBJECT);
    if (members(at, node)) return node;
  } else {
    return number(at);
  }
  json_free(node);
  return NULL;
}

json *json_parse(const char *text) {
  json *node = value(&text);
  space(&text);
  if (node != NULL && *text == '\0') return node;
  json_free(node);
  return NULL;
}

const json *json_member(const json *object, const char *name) {
  for (const json *member = object ? object->first : NULL; member != NULL; member = member->next)
    if (member->name != NULL && strcmp(member->name, name) == 0) return member;
  return NULL;
}

size_t json_count(const json *list) {
  size_t count = 0;
  for (const json *item = list ? list->first : NULL; item != NULL; item = item->next) count++;
  return count;
}
