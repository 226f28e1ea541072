"""A script of writes that a seed determines: a child performs it, its parent replays it on a plain dict.

Values begin with the number of the operation that wrote them, so that survivors tell how far the child
came; `None` never is a value.
"""

import random

#: Operations that the writer decides and that return after the commit.
CONDITIONAL = {"incr", "pop", "popitem", "clear", "setdefault"}


def script(seed, *, prefix="", keys=40, blind=False, size=0, whole=True):
    """Yields operations for ever: single sets and deletes, batches, and unless `blind` conditional ones.

    `size` pads values, and without `whole` nothing touches keys that others may own.
    """
    rnd = random.Random(seed)
    names = [f"{prefix}{n}" for n in range(keys)]
    pad = "." * size
    number = 0
    while True:
        dice = rnd.random()
        value = f"{number}:{pad}"
        if dice < 0.55:
            yield "set", rnd.choice(names), value
        elif dice < 0.72:
            yield "delete", rnd.choice(names)
        elif dice < 0.88:
            chosen = rnd.sample(names, rnd.randint(2, 6))
            yield rnd.choice(["batch_set", "update"]), {key: f"{value}{n}" for n, key in enumerate(chosen)}
        elif dice < 0.96 or blind:
            yield "batch_delete", rnd.sample(names, rnd.randint(2, 4))
        elif dice < 0.975:
            yield "incr", f"{prefix}counter", rnd.randint(1, 9)
        elif dice < 0.985:
            yield "pop", rnd.choice(names)
        elif dice < 0.993 or not whole:
            yield "setdefault", rnd.choice(names), value
        elif dice < 0.998:
            yield ("popitem",)
        else:
            yield ("clear",)
        number += 1


def perform(db, operation):
    """Performs an operation on a dictsqlite dict."""
    kind, arguments = operation[0], operation[1:]
    if kind == "set":
        db[arguments[0]] = arguments[1]
        return None
    if kind == "pop":
        return db.pop(arguments[0], None)
    if kind == "popitem":
        try:
            return db.popitem()
        except KeyError:
            return None
    return getattr(db, kind)(*arguments)


def replay(model, operation):
    """The same on a plain dict, which keeps insertion order by the same rules."""
    kind, arguments = operation[0], operation[1:]
    if kind == "set":
        model[arguments[0]] = arguments[1]
    elif kind in ("delete", "pop"):
        return model.pop(arguments[0], None) if kind == "pop" else model.pop(arguments[0], None) and None
    elif kind in ("batch_set", "update"):
        model.update(arguments[0])
    elif kind == "batch_delete":
        for key in arguments[0]:
            model.pop(key, None)
    elif kind == "incr":
        model[arguments[0]] = model.get(arguments[0], 0) + arguments[1]
        return model[arguments[0]]
    elif kind == "setdefault":
        return model.setdefault(*arguments)
    elif kind == "popitem":
        return model.popitem() if model else None
    elif kind == "clear":
        model.clear()
    else:
        raise AssertionError(kind)
    return None


def writes(operation, model):
    """How many writes an operation counts for against `buffer_size`; `model` is from before it."""
    if operation[0] == "setdefault" and operation[1] in model:
        return 0
    return len(operation[1]) if operation[0] in ("batch_set", "update", "batch_delete") else 1


def is_barrier(operation, model):
    """Whether the operation, if it returned, was committed; `model` is from before it.

    A `setdefault` that finds its key only reads.
    """
    kind = operation[0]
    return kind in CONDITIONAL and not (kind == "setdefault" and operation[1] in model)
