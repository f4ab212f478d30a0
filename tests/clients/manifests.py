"""Manifests against what a cluster made of them: everything that was sent has to be there, whatever was added to it."""
import base64
import json
from pathlib import Path

import yaml


class Loader(yaml.CSafeLoader):
    """As Kubernetes reads YAML: a lone `=` is a text."""


Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)


def documents(*paths):
    """All objects of YAML files and folders of them, lists taken apart."""
    found = []
    for path in map(Path, paths):
        files = sorted(f for f in path.rglob("*") if f.suffix in (".yaml", ".yml", ".json")) if path.is_dir() else [path]
        for file in files:
            for document in yaml.load_all(file.read_text(), Loader):
                if isinstance(document, dict):
                    found += document["items"] if document.get("kind", "").endswith("List") and "items" in document else [document]
    return found


def lost(sent, got, where=""):
    """What of the sent is not in the got: paths with both values. What a server may add is not looked at."""
    if isinstance(sent, dict):
        if not isinstance(got, dict):
            return [] if not sent and got is None else [(where, sent, got)]
        return [gone for name, member in sent.items() if member is not None for gone in lost(member, got.get(name), f"{where}.{name}")]
    if isinstance(sent, list):
        if not sent and got is None:
            return []
        if not isinstance(got, list) or len(sent) != len(got):
            return [(where, sent, got)]
        return [gone for place, (a, b) in enumerate(zip(sent, got)) for gone in lost(a, b, f"{where}[{place}]")]
    if sent == got or sent in ("", 0, False) and got is None:
        return []
    return [] if quantity(where, sent) == quantity(where, got) else [(where, sent, got)]


def as_stored(document):
    """A secret's texts are written into its data, and never told."""
    if document["kind"] != "Secret" or "stringData" not in document:
        return document
    data = {name: base64.b64encode(text.encode()).decode() for name, text in document["stringData"].items()}
    return {name: member for name, member in document.items() if name != "stringData"} | {"data": document.get("data", {}) | data}


def quantity(where, value):
    """An amount as a number where one stands: a server writes it in its own way (1000m is 1)."""
    text = str(value)
    if not any(part in where for part in (".limits.", ".requests.", ".capacity.", ".hard.", ".default")):
        return value
    for suffix, factor in {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9}.items():
        if text.endswith(suffix) and text.removesuffix(suffix).replace(".", "", 1).isdigit():
            return float(text.removesuffix(suffix)) * factor
    return float(text) if text.replace(".", "", 1).isdigit() else value


def compare(kubectl, sent, namespace=None):
    """Reads each object back; what was lost of it, by its name."""
    losses = {}
    for document in sent:
        meta, version = document["metadata"], document["apiVersion"]
        group = version.split("/")[0] if "/" in version else ""
        kind = f"{document['kind']}.{version.split('/')[-1]}.{group}"
        place = ["-n", meta.get("namespace") or namespace] if meta.get("namespace") or namespace else []
        got = json.loads(kubectl("get", kind, meta["name"], *place, "-o", "json").ok().out)
        gone = lost(as_stored(document), got)
        if gone:
            losses[f"{document['kind']} {meta['name']}"] = gone
    return losses
