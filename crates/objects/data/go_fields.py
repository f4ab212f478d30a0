#!/usr/bin/env python3
"""Writes go-fields.json: what the message table does not say about the Go structs behind it.

  go_fields.py API APIMACHINERY APIEXTENSIONS AGGREGATOR > go-fields.json     (checkouts of kubernetes/api, …)

By message of a served version, a list of JSON field names: "*name" is a pointer (absent and zero differ),
"name=v1.Type" a scalar, list or map whose Go type has a name of its own (decoding errors print it), "name!" a struct
that is left out when zero. Struct fields that are neither pointers nor "!" are always written, as `{}` or `null`.
"""
import json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOTS = dict(zip(("k8s.io.api.", "k8s.io.apimachinery.", "k8s.io.apiextensions_apiserver.", "k8s.io.kube_aggregator."), sys.argv[1:5]))
BASIC = {"string", "bool", "int32", "int64", "float64", "byte", "uint8", "int"}


def served():
    for doc in ("discovery-api.json", "discovery-apis.json"):
        for group in json.load(open(os.path.join(HERE, doc)))["items"]:
            for version in group["versions"]:
                yield group["metadata"].get("name", ""), version["version"]


def source(package):
    for prefix, root in ROOTS.items():
        if package.startswith(prefix):
            folder = os.path.join(root, *package[len(prefix):].split("."))
            if not os.path.isdir(folder):
                return ""
            names = [n for n in sorted(os.listdir(folder)) if n.endswith(".go") and not re.match(r"zz_|generated|.*_test|doc|register", n)]
            return "\n".join(open(os.path.join(folder, n)).read() for n in names)
    return ""


def main():
    messages = json.load(open(os.path.join(HERE, "protobuf-messages.json")))
    wanted = {(g.split(".")[0] or "core", v) for g, v in served()}
    packages = {}
    for message in messages:
        package, _, name = message.rpartition(".")
        head, _, version = package.rpartition(".")
        if (head.rpartition(".")[2], version) in wanted or "apimachinery" in package:
            packages.setdefault(package, []).append(name)
    out = {}
    for package, names in packages.items():
        text = source(package)
        structs = {m[1]: m[2] for m in re.finditer(r"^type (\w+) struct \{\n(.*?)^\}", text, re.S | re.M)}
        for name in names:
            marks = []
            fields = {(f[2] if len(f) > 2 else n): f for n, f in messages[f"{package}.{name}"].items()}
            for line in structs.get(name, "").split("\n"):
                m = re.match(r'\s*(\w+)\s+(\S+)\s+`.*?json:"([^",]+)(,[^"]*)?"', line)
                if not m or m[3] not in fields:
                    continue
                kind, field = m[2], fields[m[3]][1]
                mark = ("*" if kind.startswith("*") else "") + m[3]
                bare = kind.lstrip("*")
                core = re.sub(r"^(\[\]|map\[string\])*\*?", "", bare)
                message = field.replace("[]", "") in messages or "map<" in field and field[11:-1] in messages
                if core not in BASIC and not message:
                    short = core.replace("metav1.", "v1.").replace("corev1.", "v1.").replace("core.", "v1.").replace("types.", "types.")
                    if "." not in short:
                        short = package.rpartition(".")[2] + "." + short
                    mark += "=" + bare[: len(bare) - len(core)] + short
                if "omitzero" in (m[4] or ""):
                    mark += "!"
                if mark != m[3]:
                    marks.append(mark)
            if name in structs:
                out[f"{package}.{name}"] = marks
    print("{\n" + ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in sorted(out.items())) + "\n}")


main()
