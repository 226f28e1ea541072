"""Pages rendered from entries, and thrown away when whoever changes the entries.

    python changes_cache.py site.db

The cache is this process's own, of what is expensive to make; the entries are changed by other processes. A
thread follows the changes and forgets what they touch.
"""

import sys
import threading

import dictsqlite


class Pages:
    """Rendered pages, as of the entries there are."""

    def __init__(self, path):
        self.db = dictsqlite.open(path, storage_mode="json", changes=True)
        self.lock = threading.Lock()
        self.rendered = {}
        self.forgotten = 0
        self.renderings = 0
        # From before the first page is rendered, so that nothing is overlooked.
        self.changes = self.db.changes()
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        for change in self.changes:  # ends when the handle is closed
            with self.lock:
                self.forgotten += 1
                self.rendered.pop(change.key, None)

    def page(self, key):
        with self.lock:
            page, forgotten = self.rendered.get(key), self.forgotten
        if page is None:
            page = f"<h1>{self.db.get(key, 'nothing here')}</h1>"
            with self.lock:
                self.renderings += 1
                # A change that came meanwhile may have been to this entry.
                if self.forgotten == forgotten:
                    self.rendered[key] = page
        return page

    def close(self):
        self.db.close()
        self.thread.join()


if __name__ == "__main__":
    pages = Pages(sys.argv[1])
    for line in sys.stdin:
        print(pages.page(line.strip()), flush=True)
    pages.close()
