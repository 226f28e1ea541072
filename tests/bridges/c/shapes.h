/* Keys, values and errors: from JSON and to it. */
#ifndef BRIDGE_SHAPES_H
#define BRIDGE_SHAPES_H

#include <ctype.h>
#include <dictsqlite.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"

/* The bridge itself cannot go on. */
static _Noreturn void bug(const char *what) {
  printf("{\"bug\":\"%s\"}\n", what);
  fflush(stdout);
  exit(1);
}

static const json *needed(const json *request, const char *name) {
  const json *field = json_member(request, name);
  if (field == NULL) bug(name);
  return field;
}

/* Bytes for the time of one request. */
typedef struct block {
  struct block *next;
} block;

static block *blocks;

static void *kept(size_t size) {
  block *held = calloc(1, sizeof(block) + size + 1);
  if (held == NULL) abort();
  held->next = blocks;
  blocks = held;
  return held + 1;
}

static void forget_blocks(void) {
  while (blocks != NULL) {
    block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}

static int digit_in(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  bug("not hex");
}

static dictsqlite_slice bytes_in(const json *hex) {
  if (hex->type != JSON_TEXT || hex->len % 2) bug("not hex");
  unsigned char *bytes = kept(hex->len / 2);
  for (size_t i = 0; i < hex->len / 2; i++) {
    bytes[i] = (unsigned char)(digit_in(hex->text[2 * i]) << 4 | digit_in(hex->text[2 * i + 1]));
  }
  return dictsqlite_data(bytes, hex->len / 2);
}

static dictsqlite_key_list keys_in(const json *list);

static dictsqlite_key key_in(const json *shape) {
  const json *it = shape->type == JSON_OBJECT ? shape->first : NULL;
  if (it == NULL || it->next != NULL || strlen(it->name) != 1) bug("not a key");
  switch (it->name[0]) {
    case 's': return dictsqlite_text_n(it->text, it->len);
    case 'i': return dictsqlite_integer(it->integer);
    case 'b': {
      dictsqlite_slice bytes = bytes_in(it);
      return dictsqlite_bytes(bytes.data, bytes.len);
    }
    case 't': {
      dictsqlite_key_list items = keys_in(it);
      return dictsqlite_tuple(items.items, items.len);
    }
    default: bug("not a key");
  }
}

static dictsqlite_key_list keys_in(const json *list) {
  size_t count = json_count(list), i = 0;
  dictsqlite_key *keys = kept(count * sizeof *keys);
  for (const json *item = list->first; item != NULL; item = item->next) keys[i++] = key_in(item);
  return (dictsqlite_key_list){keys, count};
}

static dictsqlite_pair_list items_in(const json *list) {
  size_t count = json_count(list), i = 0;
  dictsqlite_pair *pairs = kept(count * sizeof *pairs);
  for (const json *item = list->first; item != NULL; item = item->next)
    pairs[i++] = (dictsqlite_pair){key_in(item->first), bytes_in(item->first->next)};
  return (dictsqlite_pair_list){pairs, count};
}

/* Missing is the handle's, null is never. */
static int64_t ttl_in(const json *request) {
  const json *ttl = json_member(request, "ttl");
  if (ttl == NULL) return DICTSQLITE_TTL_DEFAULT;
  if (ttl->type == JSON_NULL) return DICTSQLITE_TTL_NEVER;
  return (int64_t)ceil(ttl->real * 1000);
}

static bool flag_in(const json *request, const char *name, bool otherwise) {
  const json *flag = json_member(request, name);
  return flag ? flag->truth : otherwise;
}

static void bytes_out(const void *data, size_t len) {
  if (data == NULL) {
    printf("null");
    return;
  }
  putchar('"');
  for (size_t i = 0; i < len; i++) printf("%02x", ((const unsigned char *)data)[i]);
  putchar('"');
}

static void text_out(const char *text, size_t len) {
  putchar('"');
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c == '"' || c == '\\') printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

static void string_out(const char *text) {
  if (text == NULL) printf("null");
  else text_out(text, strlen(text));
}

static void key_out(dictsqlite_key key) {
  switch (key.type) {
    case DICTSQLITE_KEY_INTEGER: printf("{\"i\":%lld}", (long long)key.integer); break;
    case DICTSQLITE_KEY_TEXT:
      printf("{\"s\":");
      text_out(key.data, key.len);
      putchar('}');
      break;
    case DICTSQLITE_KEY_BYTES:
      printf("{\"b\":");
      bytes_out(key.data, key.len);
      putchar('}');
      break;
    default:
      printf("{\"t\":[");
      for (size_t i = 0; i < key.len; i++) {
        if (i) putchar(',');
        key_out(((const dictsqlite_key *)key.data)[i]);
      }
      printf("]}");
  }
}

static void entry_out(const void *data, size_t len, int64_t version, int64_t expires_at) {
  printf("{\"version\":%lld,\"value\":", (long long)version);
  bytes_out(data, len);
  if (expires_at) printf(",\"expires_at\":%lld}", (long long)expires_at);
  else printf(",\"expires_at\":null}");
}

static void error_out(dictsqlite_code code, const dictsqlite_error *error) {
  dictsqlite_key key;
  printf("{\"error\":\"%s\",\"message\":", dictsqlite_code_name(code));
  string_out(dictsqlite_error_message(error));
  if (dictsqlite_error_key(error, &key)) {
    printf(",\"key\":");
    key_out(key);
  }
  printf("}\n");
}

#endif
