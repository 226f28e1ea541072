#ifdef __cplusplus
#define DICTSQLITE_ZERO(type) type {}
#else
#define DICTSQLITE_ZERO(type) (type) { 0 }
#endif

/** Bytes that somebody else owns. */
static inline dictsqlite_slice dictsqlite_data(const void *data, size_t len) {
  dictsqlite_slice slice = DICTSQLITE_ZERO(dictsqlite_slice);
  slice.data = data;
  slice.len = len;
  return slice;
}

/** The bytes of a string, without its NUL. */
static inline dictsqlite_slice dictsqlite_str(const char *string) {
  return dictsqlite_data(string, string ? strlen(string) : 0);
}

/** An integer as a key. */
static inline dictsqlite_key dictsqlite_integer(int64_t integer) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_INTEGER;
  key.integer = integer;
  return key;
}

/** UTF-8 text of so many bytes as a key. */
static inline dictsqlite_key dictsqlite_text_n(const char *text, size_t len) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_TEXT;
  key.data = text;
  key.len = len;
  return key;
}

/** UTF-8 text that ends with NUL as a key. */
static inline dictsqlite_key dictsqlite_text(const char *text) {
  return dictsqlite_text_n(text, text ? strlen(text) : 0);
}

/** Bytes as a key. */
static inline dictsqlite_key dictsqlite_bytes(const void *bytes, size_t len) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_BYTES;
  key.data = bytes;
  key.len = len;
  return key;
}

/** A tuple of integers, text and bytes as a key. */
static inline dictsqlite_key dictsqlite_tuple(const dictsqlite_key *items, size_t len) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_TUPLE;
  key.data = items;
  key.len = len;
  return key;
}

/** No options. */
static inline dictsqlite_option_list dictsqlite_no_options(void) {
  return DICTSQLITE_ZERO(dictsqlite_option_list);
}

/** The key must have this version; 0: there must be no entry. */
static inline dictsqlite_check dictsqlite_check_key(dictsqlite_key key, int64_t version) {
  dictsqlite_check check = DICTSQLITE_ZERO(dictsqlite_check);
  check.key = key;
  check.version = version;
  return check;
}

/** Sets the key to the value; the handle's time to live applies. */
static inline dictsqlite_write dictsqlite_write_set(dictsqlite_key key, dictsqlite_slice value) {
  dictsqlite_write write = DICTSQLITE_ZERO(dictsqlite_write);
  write.type = DICTSQLITE_WRITE_SET;
  write.key = key;
  write.value = value;
  return write;
}

/** Adds to an integer, whatever it is then. */
static inline dictsqlite_write dictsqlite_write_incr(dictsqlite_key key, int64_t by) {
  dictsqlite_write write = DICTSQLITE_ZERO(dictsqlite_write);
  write.type = DICTSQLITE_WRITE_INCR;
  write.key = key;
  write.by = by;
  return write;
}

/** Deletes the key, whether it is there or not. */
static inline dictsqlite_write dictsqlite_write_delete(dictsqlite_key key) {
  dictsqlite_write write = DICTSQLITE_ZERO(dictsqlite_write);
  write.type = DICTSQLITE_WRITE_DELETE;
  write.key = key;
  return write;
}
