#!/usr/bin/env python3
"""Measures the structure of one source tree, or of several beside each other.

    .ci/measure.py                        this tree
    .ci/measure.py /tmp/old .             two trees, one column for each
    .ci/measure.py --details .            what each figure is made of
    .ci/measure.py --check .              fails if a limit of LIMITS is exceeded

Only Python's standard library is used, and Rust is read as tokens, not compiled. What follows from
that is said with each figure:

* Product code is the Rust code that users run: the root package, `components/*`, and `crates/*`
  (in trees older than `crates`: `host-test` and `mcp`); of each, the files that its crate roots
  reach through `mod`. Items marked `#[cfg(test)]` do not count, nor do tests, benches, examples,
  fuzz targets and xtask, except where a figure says so.

* A use is a path to an item that is defined in another file of the same crate. It may stand in a
  `use` declaration or in an expression, and is followed through `pub use` and glob imports to the
  file that defines the item. A `pub use` that only passes a name on is no use. Methods, fields and
  macros by example are not seen, nor are paths inside the arguments of a macro that builds names.

* Modules in a cycle: at every level of the module tree, sibling modules, each with all that is
  below it, whose uses lead back to where they began. Files in a cycle are the files in which the
  uses of such a cycle begin or end. A module and its own submodules are one unit to each other
  here, as they are to a reader: a parent's private types are what its children are there for. The
  figure "with parent and child" does without that: it takes every file for itself.

* Inline comments: lines that have a `//` comment, alone or after code, but no doc comment. Lines
  of code are lines that have a token.

* Doc examples: code blocks in doc comments that rustdoc compiles: without a language, or `rust`
  with any attributes but `ignore`.

* A report field is spelled in a file of Rust or WIT outside of tests where it is declared, set,
  matched or passed on by its name (`final_status: …`, `Report { final_status, … }`), or stands as
  a string by itself ("final_status", "final-status"). An access such as `report.final_status` does
  not count: the code that computes or uses a value needs it. The fields are those of the WIT record
  that has `final-status`. Of these, only names of two words or more, that no other record has, can
  be told from other things, and two that are as clear; the rest is left out. Still, a local
  variable of the same name counts, as does a field of an intermediate result that becomes the
  report's. So the main figure is the number of files that list the fields: that spell half of them
  or more. JSON and Markdown are not read: they are generated, or they are documentation.

* A setting is named in a file of Rust where a string is the name of the environment variable and
  nothing else ("HOMER_URL"). Mentions within a sentence are counted apart.
"""

import argparse
import re
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

# What --check compares with: the largest value that is allowed.
LIMITS = {
    "files in cycles": 0,
    "lines over 100 columns, src and crates": 0,
    "files that list the report's fields": 2,
    "lines in src/wasi": 400,
    "README lines": 150,
}

WIDTH = 100

# ------------------------------------------------------------------------------------- reading

TOKEN = re.compile(
    r"""
    (?P<doc>///(?!/)[^\n]*|//![^\n]*)
  | (?P<comment>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>b?c?r(?P<hashes>\#*)"(?s:.*?)"(?P=hashes))
  | (?P<string>[bc]?"(?:[^"\\]|\\(?s:.))*")
  | (?P<char>b?'(?:[^'\\\n]|\\[^\n][^'\n]*)')
  | (?P<lifetime>'[A-Za-z_]\w*)
  | (?P<ident>(?:r\#)?[A-Za-z_]\w*)
  | (?P<number>\d[\w]*)
  | (?P<path>::)
  | (?P<space>\s+)
  | (?P<punct>.)
    """,
    re.VERBOSE,
)


class Token:
    __slots__ = ("kind", "text", "line", "end")

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line
        self.end = line + text.count("\n")

    def __repr__(self):
        return self.text


def tokens_of(text):
    """The tokens of Rust source, comments included, white space left out."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, piece = match.lastgroup, match.group()
        if kind == "hashes":
            kind = "raw"
        if kind == "block":
            depth, end = 1, at + 2
            while depth and end < len(text):
                if text.startswith("/*", end):
                    depth, end = depth + 1, end + 2
                elif text.startswith("*/", end):
                    depth, end = depth - 1, end + 2
                else:
                    end += 1
            piece = text[at:end]
            kind = "doc" if re.match(r"/\*[*!](?!\*|/)", piece) else "comment"
        if kind == "ident" and piece.startswith("r#"):
            piece = piece[2:]
        if kind != "space":
            found.append(Token(kind, piece, line))
        line += match.group().count("\n") if kind not in ("doc", "comment") else piece.count("\n")
        at = match.end() if match.lastgroup != "block" else end
    return found


def string_value(token):
    """The text between the quotes, escapes as they are."""
    return token.text[token.text.index('"') + 1 : token.text.rindex('"')]


CLOSES = {"(": ")", "[": "]", "{": "}"}


def skip_group(code, at):
    """The index behind the group that opens at `at`."""
    depth = 0
    while at < len(code):
        if code[at].text in CLOSES and code[at].kind == "punct":
            depth += 1
        elif code[at].text in CLOSES.values() and code[at].kind == "punct":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def skip_item(code, at):
    """The index behind the item that begins at `at`: a `;` or a `{}` that is not in a group."""
    while at < len(code):
        token = code[at]
        if token.kind == "punct":
            if token.text == ";":
                return at + 1
            if token.text == "{":
                at = skip_group(code, at)
                # `use a::{b, c};` ends with the semicolon.
                return at + 1 if at < len(code) and code[at].text == ";" else at
            if token.text in CLOSES:
                at = skip_group(code, at)
                continue
        at += 1
    return at


def attribute(code, at):
    """The text of the attribute at `at`, and the index behind it; None if there is none."""
    if code[at].text != "#" or code[at].kind != "punct":
        return None
    start = at + 1
    if start < len(code) and code[start].text == "!":
        start += 1
    if start >= len(code) or code[start].text != "[":
        return None
    end = skip_group(code, start)
    return "".join(token.text for token in code[start + 1 : end - 1]), end


def without_tests(code):
    """`code` without the items marked `#[cfg(test)]`."""
    kept, at = [], 0
    while at < len(code):
        found = attribute(code, at)
        if found and found[0] == "cfg(test)":
            at = found[1]
            while at < len(code) and (more := attribute(code, at)):
                at = more[1]
            at = skip_item(code, at)
        else:
            kept.append(code[at])
            at += 1
    return kept


class Source:
    """A file of Rust."""

    cache = {}

    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        tokens = tokens_of(self.text)
        self.comments = [token for token in tokens if token.kind == "comment"]
        self.docs = [token for token in tokens if token.kind == "doc"]
        code = [token for token in tokens if token.kind not in ("comment", "doc")]
        self.code = without_tests(code)

    @classmethod
    def of(cls, path):
        if path not in cls.cache:
            cls.cache[path] = cls(path)
        return cls.cache[path]

    def code_lines(self):
        return {line for token in self.code for line in range(token.line, token.end + 1)}

    def comment_lines(self):
        return {line for token in self.comments for line in range(token.line, token.end + 1)}


# ------------------------------------------------------------------------------------- modules


class Module:
    """A module: a file or a block within one. Names that it defines, imports, and its children."""

    def __init__(self, crate, path, file, folder):
        self.crate, self.path, self.file, self.folder = crate, path, file, folder
        self.children, self.defined, self.imports, self.globs = {}, set(), {}, []
        # Paths that it uses: from `use`, and from expressions.
        self.used = []
        crate.modules[path] = self

    @property
    def parent(self):
        return self.crate.modules.get(self.path[:-1]) if self.path else None


ITEMS = {"fn", "struct", "enum", "trait", "type", "const", "static", "union"}
TYPES = {"struct", "enum", "trait", "type", "union"}


class Crate:
    """A library or a program: the modules that its root reaches."""

    def __init__(self, name, root):
        self.name, self.root = name, root
        self.modules, self.files, self.types = {}, [], defaultdict(list)
        self.read(Module(self, (), root, root.parent))

    def read(self, module):
        self.files.append(module.file)
        self.items(module, Source.of(module.file).code)

    def items(self, module, code):
        """Reads the items of a module."""
        at, path_attribute = 0, None
        while at < len(code):
            if found := attribute(code, at):
                if match := re.fullmatch(r'path="(.*)"', found[0]):
                    path_attribute = match[1]
                at = found[1]
                continue
            start, public = at, False
            if code[at].text == "pub":
                public, at = True, at + 1
                if at < len(code) and code[at].text == "(":
                    at = skip_group(code, at)
            while at < len(code) and code[at].text in ("unsafe", "async", "extern", "default"):
                at += 1
                if at < len(code) and code[at].kind == "string":
                    at += 1
            if at + 1 < len(code) and code[at].text == "const" and code[at + 1].text in (
                "fn", "unsafe", "async", "extern",
            ):
                at += 1
                continue
            word = code[at].text if at < len(code) else ""
            if word == "mod" and code[at].kind == "ident":
                name = code[at + 1].text
                if code[at + 2].text == ";":
                    self.file_module(module, name, path_attribute)
                    at += 3
                else:
                    end = skip_group(code, at + 2)
                    child = Module(self, (*module.path, name), module.file, module.folder / name)
                    module.children[name] = child
                    self.items(child, code[at + 3 : end - 1])
                    at = end
            elif word == "use" and code[at].kind == "ident":
                end = skip_item(code, at)
                self.imports(module, code[at + 1 : end - 1], (), public, True)
                at = end
            else:
                end = skip_item(code, start)
                # A body, an initializer: `= { … };` and `struct S(…) where …;` are one item.
                if word in ITEMS and at + 1 < len(code):
                    if word in ("const", "static", "type"):
                        end = at
                        while end < len(code) and code[end].text != ";":
                            end = skip_group(code, end) if code[end].text in CLOSES else end + 1
                        end += 1
                    name = code[at + 1].text
                    if name == "mut":
                        name = code[at + 2].text
                    module.defined.add(name)
                    if word in TYPES:
                        self.types[name].append((module, code[at].line))
                elif word == "macro_rules":
                    module.defined.add(code[at + 2].text)
                self.expressions(module, code[start:end])
                at = max(end, at + 1)
            path_attribute = None

    def file_module(self, module, name, path_attribute):
        if path_attribute:
            candidates = [module.file.parent / path_attribute]
        else:
            candidates = [module.folder / f"{name}.rs", module.folder / name / "mod.rs"]
        for file in candidates:
            if file.exists():
                child = Module(self, (*module.path, name), file.resolve(), module.folder / name)
                module.children[name] = child
                self.read(child)
                return

    def imports(self, module, tree, before, public, top):
        """Reads one `use` tree; `top` for items of the module, not of a function in it."""
        at, path = 0, list(before)
        while at < len(tree):
            token = tree[at]
            if token.kind == "ident" and token.text == "as":
                self.import_name(module, path, tree[at + 1].text, public, top)
                return
            if token.kind == "ident":
                path.append(token.text)
            elif token.text == "*":
                if top:
                    module.globs.append(tuple(path))
                return
            elif token.text == "{":
                inner, part, depth = tree[at + 1 : skip_group(tree, at) - 1], [], 0
                for item in inner:
                    depth += (item.text == "{") - (item.text == "}")
                    if item.text == "," and depth == 0:
                        self.imports(module, part, tuple(path), public, top)
                        part = []
                    else:
                        part.append(item)
                if part:
                    self.imports(module, part, tuple(path), public, top)
                return
            at += 1
        if path and path[-1] == "self":
            path.pop()
        if path:
            self.import_name(module, path, path[-1], public, top)

    def import_name(self, module, path, name, public, top):
        if top and name != "_":
            module.imports[name] = tuple(path)
        # What is only passed on is no use; what the file names as well is found in expressions.
        if not public:
            module.used.append(tuple(path))

    def expressions(self, module, code):
        """Collects the paths within an item, and the names that stand alone."""
        at = 0
        while at < len(code):
            token = code[at]
            if token.kind != "ident":
                at += 1
                continue
            if token.text == "use" and (at == 0 or code[at - 1].text in ("{", "}", ";")):
                end = skip_item(code, at)
                self.imports(module, code[at + 1 : end - 1], (), False, False)
                at = end
                continue
            path = [token.text]
            before = code[at - 1].text if at else ""
            at += 1
            while at + 1 < len(code) and code[at].kind == "path" and code[at + 1].kind == "ident":
                path.append(code[at + 1].text)
                at += 2
            # Not a field, a method, a name from the outside (`::std`).
            if before not in (".", "::"):
                module.used.append(tuple(path))

    # -- where a path leads

    def resolve(self, module, path, seen=frozenset()):
        """The module that defines what `path` names, seen from `module`; None if not this crate.

        A path to a module itself leads nowhere: it is its items that are used.
        """
        found = self.walk(module, path, seen, first=True)
        return found[1] if found and found[0] == "item" else None

    def walk(self, module, path, seen, first=False):
        """("item", module that defines it) or ("module", it) or None."""
        key = (module.path, path, first)
        if key in seen:
            return None
        seen = seen | {key}
        if first:
            if path[0] == "crate" or path[0] == self.name and self.name:
                module, path = self.modules[()], path[1:]
            elif path[0] == "self":
                path = path[1:]
            else:
                while path and path[0] == "super":
                    module, path = module.parent, path[1:]
                    if module is None:
                        return None
        for index, name in enumerate(path):
            rest = path[index + 1 :]
            if name in module.children:
                module = module.children[name]
                continue
            if name in module.defined:
                return ("item", module)
            if name in module.imports:
                target = module.imports[name]
                # `use serde::Serialize;` names itself, if it is from the outside.
                found = self.walk(module, target, seen, first=True) if target != (name,) else None
                if found is None:
                    return None
                if found[0] == "item" or not rest:
                    return found
                return self.walk(found[1], rest, seen)
            for glob in module.globs:
                found = self.walk(module, glob, seen, first=True)
                if found and found[0] == "module" and found[1] is not module:
                    found = self.walk(found[1], path[index:], seen)
                    if found:
                        return found
            return None
        return ("module", module)

    def uses(self):
        """Pairs of modules: one uses an item that the other defines, in another file."""
        found = defaultdict(set)
        for module in list(self.modules.values()):
            for path in module.used:
                target = self.resolve(module, path)
                if target is not None and target.file != module.file:
                    found[module.path, target.path].add("::".join(path))
        return found


def components_of(graph):
    """Strongly connected components of more than one node (Tarjan)."""
    index, low, stack, on, found, counter = {}, {}, [], set(), [], [0]

    def visit(node):
        index[node] = low[node] = counter[0]
        counter[0] += 1
        stack.append(node)
        on.add(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = set()
            while True:
                other = stack.pop()
                on.discard(other)
                group.add(other)
                if other == node:
                    break
            if len(group) > 1:
                found.append(group)

    sys.setrecursionlimit(10_000)
    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def cycles(crate):
    """Cycles between sibling modules: (their paths, the files in which uses begin or end)."""
    uses = crate.uses()
    levels = defaultdict(lambda: defaultdict(list))
    for (a, b), names in uses.items():
        common = 0
        while common < min(len(a), len(b)) and a[common] == b[common]:
            common += 1
        # One is above the other.
        if common in (len(a), len(b)):
            continue
        levels[a[:common]][a[: common + 1], b[: common + 1]].append((a, b, names))
    found = []
    for edges in levels.values():
        graph = defaultdict(set)
        for a, b in edges:
            graph[a].add(b)
        for group in components_of(graph):
            inside = [use for pair, all in edges.items() if set(pair) <= group for use in all]
            files = {crate.modules[end].file for a, b, _ in inside for end in (a, b)}
            found.append((sorted(group), files, inside))
    return found


def file_cycles(crate):
    """Cycles between files, each for itself."""
    graph = defaultdict(set)
    for a, b in crate.uses():
        graph[crate.modules[a].file].add(crate.modules[b].file)
    return components_of(graph)


# ---------------------------------------------------------------------------------------- tree


class Tree:
    def __init__(self, root):
        self.root = root.resolve()
        self.new = (self.root / "crates").is_dir()
        products = [self.root, *self.packages("components")]
        if self.new:
            products += self.packages("crates")
        else:
            products += [self.root / "host-test", self.root / "mcp"]
        self.crates = [crate for package in products for crate in self.crates_of(package)]
        self.files = sorted({file for crate in self.crates for file in crate.files})

    def packages(self, folder):
        return sorted(path.parent for path in (self.root / folder).glob("*/Cargo.toml"))

    def crates_of(self, package):
        manifest = tomllib.loads((package / "Cargo.toml").read_text())
        name = manifest["package"]["name"]
        lib = manifest.get("lib", {})
        roots = {package / lib.get("path", "src/lib.rs"): lib.get("name", name).replace("-", "_")}
        for binary in manifest.get("bin", []):
            if "path" in binary:
                roots[package / binary["path"]] = ""
        for path in [package / "src/main.rs", *package.glob("src/bin/*.rs")]:
            roots.setdefault(path, "")
        for path in package.glob("src/bin/*/main.rs"):
            roots.setdefault(path, "")
        return [Crate(name, root.resolve()) for root, name in roots.items() if root.exists()]

    def name(self, path):
        return str(path.relative_to(self.root))

    def rust_below(self, *folders):
        return sorted(file for folder in folders for file in (self.root / folder).rglob("*.rs"))


def over(files, width):
    return [
        (file, number)
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > width
    ]


def doc_examples(source):
    """Lines at which compiled code blocks of doc comments begin."""
    found, inside = [], None
    for token in source.docs:
        for number, line in enumerate(token.text.splitlines()):
            line = re.sub(r"^\s*(///|//!|/\*[*!]|\*(?!/))\s?", "", line).strip()
            fence = re.match(r"(`{3,}|~{3,})(.*)", line)
            if not fence:
                continue
            if inside:
                if line.startswith(inside) and not fence[2].strip():
                    inside = None
                continue
            inside = fence[1]
            words = {word for word in re.split(r"[,\s]+", fence[2].strip()) if word}
            compiled = {"rust", "should_panic", "no_run", "compile_fail"}
            if all(word in compiled or word.startswith("edition") for word in words):
                found.append(token.line + number)
    return found


def report_fields(tree):
    """Distinctive fields of the report, as the WIT spells them."""
    records = {}
    for file in (tree.root / "wit").glob("*.wit"):
        text = re.sub(r"//[^\n]*", "", file.read_text())
        for name, body in re.findall(r"\brecord\s+%?([\w-]+)\s*\{(.*?)\}", text, re.DOTALL):
            records[name] = re.findall(r"%?([a-z][\w-]*)\s*:", body)
    report = [name for name, fields in records.items() if "final-status" in fields]
    if not report:
        return []
    others = {field for name in records if name != report[0] for field in records[name]}
    return [field for field in records[report[0]] if field not in others]


def field_places(tree, field):
    """Files that spell the field other than in an access."""
    snake, found = field.replace("-", "_"), []
    for file in tree.files:
        code = Source.of(file).code
        for at, token in enumerate(code):
            if token.kind == "ident" and token.text == snake:
                if not at or code[at - 1].text != ".":
                    found.append(file)
                    break
            elif token.kind in ("string", "raw") and string_value(token) in (snake, field):
                found.append(file)
                break
    for file in sorted((tree.root / "wit").glob("*.wit")):
        text = re.sub(r"//[^\n]*", "", file.read_text())
        if re.search(rf"(?<![\w-])%?{field}\s*:", text):
            found.append(file)
    return found


SETTING = re.compile(r"HOMER_[A-Z0-9_]*[A-Z0-9]")


def settings(tree):
    """For each setting: files in which a string is its name, and files that mention it."""
    named, mentioned = defaultdict(set), defaultdict(set)
    for file in tree.files:
        for token in Source.of(file).code:
            if token.kind not in ("string", "raw"):
                continue
            value = string_value(token)
            for name in SETTING.findall(value):
                mentioned[name].add(file)
            if SETTING.fullmatch(value):
                named[value].add(file)
    # What no string is the name of is a prefix, or another program's.
    return named, {name: mentioned[name] for name in named}


def lines_of(files):
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def measure(tree):
    """All figures: name, value, details."""
    figures = []

    def figure(name, value, details=()):
        figures.append((name, value, list(details)))

    def joined(path):
        return "::".join(path) or "crate"

    in_cycles, groups, details = set(), 0, []
    alone, alone_details = set(), []
    for crate in tree.crates:
        for group, files, inside in cycles(crate):
            groups += 1
            in_cycles |= files
            name = crate.name or tree.name(crate.root)
            details.append(f"{name}: " + ", ".join(map(joined, group)))
            for a, b, names in sorted(inside):
                shown = ", ".join(sorted(names)[:4])
                details.append(f"    {joined(a)} -> {joined(b)}: {shown}")
        for group in file_cycles(crate):
            alone |= group
            alone_details.append(", ".join(sorted(map(tree.name, group))))
    figure("files in cycles", len(in_cycles), details)
    figure("cycles between sibling modules", groups)
    figure("files in cycles, with parent and child", len(alone), alone_details)

    folders = ["src", "crates"] if tree.new else ["src", "host-test", "mcp"]
    everything = tree.rust_below(*folders)
    wide = over(everything, WIDTH)
    figure(
        f"lines over {WIDTH} columns, src and crates",
        len(wide),
        [f"{tree.name(f)}: {count}" for f, count in Counter(f for f, _ in wide).items()],
    )
    figure("  in product code", len(over(tree.files, WIDTH)))
    core = [file for file in tree.files if file.is_relative_to(tree.root / "src")]
    filled = sum(bool(line.strip()) for file in core for line in file.read_text().splitlines())
    figure("  in src, share of the lines", f"{len(over(core, WIDTH)) / max(1, filled):.1%}")
    figure("  over 120 columns in src", len(over(core, 120)))

    def ratio(files):
        comments = sum(len(Source.of(file).comment_lines()) for file in files)
        code = sum(len(Source.of(file).code_lines()) for file in files)
        return f"{comments / max(1, code):.3f}"

    figure(
        "inline comments per line of code",
        ratio(tree.files),
        [f"{tree.name(crate.root)}: {ratio(set(crate.files))}" for crate in tree.crates],
    )
    figure("  in src", ratio(core))
    examples = {file: doc_examples(Source.of(file)) for file in tree.files}
    figure(
        "doc examples",
        sum(map(len, examples.values())),
        [f"{tree.name(file)}:{line}" for file, lines in examples.items() for line in lines],
    )

    places = {field: field_places(tree, field) for field in report_fields(tree)}
    distinctive = {
        field: files
        for field, files in places.items()
        if "-" in field or field in ("retransmissions", "duplicates")
    }
    counts = {field: len(set(files)) for field, files in distinctive.items()}
    spelled = Counter(file for files in distinctive.values() for file in set(files))
    lists = sorted(file for file, count in spelled.items() if 2 * count >= len(distinctive))
    figure(
        "files that list the report's fields",
        len(lists),
        [f"{tree.name(file)}: {spelled[file]} of {len(distinctive)}" for file in lists],
    )
    figure(
        "  files that spell one field, most",
        max(counts.values(), default=0),
        [
            f"{field}: {counts[field]} ({', '.join(map(tree.name, files))})"
            for field, files in distinctive.items()
        ],
    )
    mean = sum(counts.values()) / max(1, len(counts))
    figure("  mean of the distinctive fields", f"{mean:.1f} of {len(counts)}")
    for field in ("retransmissions", "final-status", "ladder-elided", "undated-packets"):
        figure(f"  {field}", counts.get(field, "-"))

    named, mentioned = settings(tree)
    figure(
        "files that name a setting, most",
        max(map(len, named.values()), default=0),
        [
            f"{name}: {len(files)} ({', '.join(map(tree.name, sorted(files)))})"
            for name, files in sorted(named.items())
        ],
    )
    total = sum(map(len, named.values())) / max(1, len(named))
    figure("  mean", f"{total:.1f} of {len(named)}")
    total = sum(map(len, mentioned.values())) / max(1, len(named))
    figure("  mean, with mentions in texts", f"{total:.1f}")

    wasi = [*tree.rust_below("src/wasi"), *(tree.root / "src").glob("wasi.rs")]
    figure("lines in src/wasi", lines_of(wasi), [tree.name(file) for file in wasi])
    figure("README lines", lines_of([tree.root / "README.md"]))

    twice, details = 0, []
    for crate in tree.crates:
        for name, where in sorted(crate.types.items()):
            # Alternatives of one declaration for different targets are one type.
            if len({module.path for module, _ in where}) > 1:
                twice += 1
                files = ", ".join(f"{tree.name(module.file)}:{line}" for module, line in where)
                details.append(f"{name}: {files}")
    figure("type names declared twice in a crate", twice, details)

    modules = defaultdict(list)
    for crate in tree.crates:
        for path, module in crate.modules.items():
            if path:
                modules[path[-1]].append(tree.name(module.file))
    for name in ("message", "http", "export"):
        figure(f"modules named {name}", len(modules[name]), modules[name])
    repeated = {name: files for name, files in modules.items() if len(files) > 1}
    figure(
        "module names used twice",
        len(repeated),
        [f"{name}: {', '.join(files)}" for name, files in sorted(repeated.items())],
    )
    figure("files of product code", len(tree.files))
    figure("lines of product code", lines_of(tree.files))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trees", nargs="*", type=Path, default=[Path(".")], metavar="TREE")
    parser.add_argument("--details", action="store_true", help="what each figure is made of")
    parser.add_argument("--check", action="store_true", help="fail if a limit is exceeded")
    given = parser.parse_args()

    columns = [measure(Tree(path)) for path in given.trees]
    width = max(len(name) for column in columns for name, _, _ in column)
    if len(columns) > 1:
        print(" " * width, *(f"{path.resolve().name:>12}" for path in given.trees))
    for row in zip(*columns):
        print(f"{row[0][0]:<{width}}", *(f"{value!s:>12}" for _, value, _ in row))
        if given.details:
            for path, (_, _, details) in zip(given.trees, row):
                if len(columns) > 1 and details:
                    print(f"    {path}")
                for line in details:
                    print(f"      {line}")

    exceeded = False
    if given.check:
        for path, column in zip(given.trees, columns):
            for name, value, _ in column:
                if name in LIMITS and value > LIMITS[name]:
                    print(f"{path}: {name}: {value}, at most {LIMITS[name]}", file=sys.stderr)
                    exceeded = True
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
