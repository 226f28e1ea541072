// dictsqlite: a persistent dict on SQLite, from C++17. A thin layer over dictsqlite.h, header-only: link
// libdictsqlite.
//
//   dictsqlite::store db("app.db");
//   db.set("user:1", "Ada");
//   if (auto name = db.get("user:1")) std::cout << name->view();
//   for (auto &item : db.scan()) std::cout << item.key << '\n';
//
// Errors are exceptions of type dictsqlite::error; every function also takes a std::error_code as its last
// argument, which gets the error instead. Keys are text, integers, bytes, and tuples of these: {"2024", 7}.
// Every function may be called from any thread at any time; objects that own something (value, page) may be
// read by many threads. The promises and the waiting are those of dictsqlite.h.
#ifndef DICTSQLITE_HPP
#define DICTSQLITE_HPP

#include "dictsqlite/async.hpp"
#include "dictsqlite/atomic.hpp"
#include "dictsqlite/changes.hpp"
#include "dictsqlite/dict.hpp"
#include "dictsqlite/error.hpp"
#include "dictsqlite/files.hpp"
#include "dictsqlite/key.hpp"
#include "dictsqlite/scan.hpp"
#include "dictsqlite/store.hpp"
#include "dictsqlite/transaction.hpp"
#include "dictsqlite/value.hpp"

#endif
