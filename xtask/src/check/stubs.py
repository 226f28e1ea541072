"""Compares the stubs of an installed package with what is really there.

For every `.pyi` of the package: each public name of the stub exists in the module, each public name of
the module is in the stub, and so for the members of classes. Where both sides know the parameters of a
function, their names, kinds and being optional must agree. Types are the type checkers' business.
"""

import ast
import importlib
import inspect
import pathlib
import sys
import types

problems = []


def public(name):
    return not name.startswith("_")


def children(body):
    """The statements of a body, looking through `if TYPE_CHECKING`, `if sys.version_info` and such."""
    for node in body:
        if isinstance(node, ast.If):
            yield from children(node.body)
            yield from children(node.orelse)
        else:
            yield node


def declared(body):
    """What a stub declares: name -> its node. Plain imports are not declarations, `import x as x` is."""
    names = {}
    for node in children(body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            overload = any("overload" in ast.dump(d) for d in node.decorator_list)
            # Of several overloads none tells the parameters of the real one.
            names[node.name] = None if overload else node
        elif isinstance(node, ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if "TypeAlias" not in ast.dump(node.annotation):
                names[node.target.id] = node
        elif isinstance(node, ast.Assign):
            names.update((t.id, None) for t in node.targets if isinstance(t, ast.Name) and not is_typevar(node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((a.asname, None) for a in node.names if a.asname and a.asname == a.name)
    names.pop("__all__", None)
    return names


def is_typevar(node):
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func).split(".")[-1] in (
        "TypeVar", "ParamSpec", "NewType", "TypeVarTuple",
    )


def is_protocol(node):
    return any(ast.unparse(base).split("[")[0].endswith(("Protocol", "TypedDict")) for base in node.bases)


def parameters(node):
    """(name, kind, optional) of each parameter in the stub; `self` and `cls` dropped by the caller."""
    args, P = node.args, inspect.Parameter
    plain = args.posonlyargs + args.args
    first_optional = len(plain) - len(args.defaults)
    for i, arg in enumerate(plain):
        private = arg.arg.startswith("__") and not arg.arg.endswith("__")
        only = i < len(args.posonlyargs) or private
        yield arg.arg, P.POSITIONAL_ONLY if only else P.POSITIONAL_OR_KEYWORD, i >= first_optional
    if args.vararg:
        yield args.vararg.arg, P.VAR_POSITIONAL, False
    for arg, default in zip(args.kwonlyargs, args.kw_defaults):
        yield arg.arg, P.KEYWORD_ONLY, default is not None
    if args.kwarg:
        yield args.kwarg.arg, P.VAR_KEYWORD, False


def compare_parameters(where, node, real):
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    if any(d in ("property", "cached_property") or d.endswith((".setter", ".deleter")) for d in decorators):
        return
    try:
        there = [(p.name, p.kind, p.default is not p.empty) for p in inspect.signature(real).parameters.values()]
    except (TypeError, ValueError):
        return
    said = list(parameters(node))

    def bare(items):
        items = [item for item in items if item[0] not in ("self", "cls", "type", "$self")]
        # A name that callers cannot use may differ.
        only = inspect.Parameter.POSITIONAL_ONLY
        return [("" if kind == only else name, kind, optional) for name, kind, optional in items]

    if bare(said) != bare(there):
        problems.append(f"{where}: parameters differ: stub ({ast.unparse(node.args)}), real {inspect.signature(real)}")


def compare_class(where, node, real):
    members = declared(node.body)
    own = vars(real)
    for name, member in members.items():
        if name in ("__init__", "__new__"):
            continue
        try:
            value = inspect.getattr_static(real, name)
        except AttributeError:
            # An annotated attribute may live in instances only, where these can hold any.
            if not (isinstance(member, ast.AnnAssign) and real.__dictoffset__):
                problems.append(f"{where}.{name}: in the stub, not in the package")
            continue
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) and public(name):
            compare_parameters(f"{where}.{name}", member, unwrapped(value))
        elif isinstance(member, ast.ClassDef) and isinstance(value, type):
            compare_class(f"{where}.{name}", member, value)
    constructor = members.get("__new__") or members.get("__init__")
    if constructor is not None and not issubclass(real, BaseException):
        compare_parameters(where, constructor, real)
    for name in own:
        if public(name) and name not in members:
            problems.append(f"{where}.{name}: in the package, not in the stub")


def unwrapped(value):
    return value.__func__ if isinstance(value, (staticmethod, classmethod)) else value


def compare_module(name, tree):
    module = importlib.import_module(name)
    names = declared(tree.body)
    for declared_name, node in names.items():
        where = f"{name}.{declared_name}"
        if not public(declared_name) and not declared_name.startswith("__"):
            continue  # a private helper of the stub: a type variable, a protocol
        if isinstance(node, ast.ClassDef) and is_protocol(node) and not hasattr(module, declared_name):
            continue
        if not hasattr(module, declared_name):
            problems.append(f"{where}: in the stub, not in the package")
            continue
        real = getattr(module, declared_name)
        if isinstance(node, ast.ClassDef) and isinstance(real, type):
            compare_class(where, node, real)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            compare_parameters(where, node, real)
    exported = getattr(module, "__all__", None)
    if exported is None:
        own = vars(module).items()
        exported = [n for n, v in own if public(n) and not isinstance(v, types.ModuleType)]
    for real_name in exported:
        imported = any(
            isinstance(n, ast.ImportFrom) and any((a.asname or a.name) in (real_name, "*") for a in n.names)
            for n in children(tree.body)
        )
        if real_name not in names and not imported:
            problems.append(f"{name}.{real_name}: in the package, not in the stub")


def main():
    package = sys.argv[1]
    root = pathlib.Path(importlib.import_module(package).__file__).parent
    stubs = sorted(root.rglob("*.pyi"))
    if not stubs:
        sys.exit(f"the installed {package} has no .pyi")
    if not (root / "py.typed").exists():
        problems.append(f"{package}: no py.typed, so type checkers ignore the stubs")
    for stub in stubs:
        parts = (package, *stub.relative_to(root).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        compare_module(name, ast.parse(stub.read_text(encoding="utf-8"), str(stub)))
    for problem in problems:
        print(problem)
    sys.exit(f"{len(problems)} differences between stubs and package" if problems else 0)


main()
