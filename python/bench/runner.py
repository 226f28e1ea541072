"""One peer's process: does a round of a workload when told to, and says how long it took.

Told on standard input, a line of JSON each: ``contender``, ``workload``, ``n``, ``round``, ``folder``,
``least``. Says a line of JSON each: ``operations`` and ``seconds``, or ``absent`` or ``error`` with a reason.
Standard output is kept for that, whatever the peer prints.
"""

import json
import os
import sys
import traceback

import adapters
import contenders
import workloads


def context(told):
    """What the workload works with."""
    contender, workload = contenders.named(told["contender"]), workloads.named(told["workload"])
    given = (told[name] for name in ("n", "round", "folder", "least"))
    return workloads.Context(contender, workload, *given)


def answer(told):
    """Does as told."""
    if "versions" in told:
        names = dict.fromkeys(c.adapter for c in contenders.CONTENDERS if c.peer == told["versions"])
        return {"versions": sorted({adapters.load(name).version() for name in names})}
    try:
        ctx = context(told)
        operations, seconds = ctx.workload.run(ctx)
        return {"operations": operations, "seconds": seconds, "n": ctx.n}
    except workloads.Absent as e:
        return {"absent": str(e)}
    except workloads.Wrong as e:
        return {"error": f"wrong: {e}"}
    except Exception as e:
        traceback.print_exc()
        return {"error": f"{type(e).__name__}: {e}"}


def main():
    if sys.argv[1:2] == ["--child"]:
        workloads.shared.child(context(json.loads(sys.argv[2])))
        return
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        said.write(json.dumps(answer(json.loads(line))) + "\n")
        said.flush()


if __name__ == "__main__":
    main()
