#!/usr/bin/env python3
"""Builds wheels that carry the program pgsrm, so that `pip install pgsrm` gives the command.

    python/wheels.py --version 0.1.0 --out dist                      all platforms, with go build
    python/wheels.py --version 0.1.0 --out dist --only linux/amd64   one of them
    python/wheels.py --version 0.1.0 --out dist --only linux/amd64 --binary ./pgsrm

Same inputs, same bytes. Standard library only; nothing is fetched or published.
"""

import argparse
import base64
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The binaries are static, so one wheel serves glibc and musl. Go 1.26 needs macOS 12.
TAGS = {
    "linux/amd64": "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    "linux/arm64": "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    "darwin/amd64": "macosx_12_0_x86_64",
    "darwin/arm64": "macosx_12_0_arm64",
    "windows/amd64": "win_amd64",
    "windows/arm64": "win_arm64",
}
LICENSES = ("LICENSE", "NOTICE", "THIRD_PARTY_NOTICES")
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?")


def build(target, version, commit, folder):
    """The binary of a platform."""
    system, arch = target.split("/")
    path = pathlib.Path(folder) / (system + arch)
    flags = f"-s -w -X main.version={version} -X main.commit={commit}"
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", str(path), "./cmd/pgsrm"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "CGO_ENABLED": "0", "GOOS": system, "GOARCH": arch})
    return path


def metadata(version):
    head = [
        "Metadata-Version: 2.4",
        "Name: pgsrm",
        f"Version: {version}",
        "Summary: Reinforcement learning of language models with a reward of meaning: the command pgsrm",
        "License-Expression: Apache-2.0",
        *(f"License-File: {name}" for name in LICENSES),
        "Keywords: reinforcement learning,reward,GRPO,PPO,language model",
        "Requires-Python: >=3.8",
        "Description-Content-Type: text/markdown",
    ]
    text = (
        "The program [pgsrm](https://pypi.org/project/pgsrm/), one static binary; Python is not used.\n\n"
        "    pip install pgsrm\n"
        "    pgsrm compare --task colors\n"
        "    pgsrm serve --task colors --reward pgsrm\n\n"
        "The functions with which TRL, verl, SkyRL, AReaL, ROLL and NeMo RL ask a server for rewards are in `pgsrm-reward`.\n"
    )
    return "\n".join(head) + "\n\n" + text


def wheel(target, version, binary, out):
    """Writes the wheel of a platform and returns its path."""
    tag = TAGS[target]
    info, data = f"pgsrm-{version}.dist-info", f"pgsrm-{version}.data"
    program = "pgsrm.exe" if target.startswith("windows/") else "pgsrm"
    tags = "".join(f"Tag: py3-none-{one}\n" for one in tag.split("."))
    files = [(f"{data}/scripts/{program}", binary.read_bytes(), 0o755)]
    files += [(f"{info}/licenses/{name}", (ROOT / name).read_bytes(), 0o644) for name in LICENSES]
    files.append((f"{info}/METADATA", metadata(version).encode(), 0o644))
    files.append((f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: pgsrm\nRoot-Is-Purelib: false\n{tags}".encode(), 0o644))
    record = [f"{name},sha256={digest(text)},{len(text)}\n" for name, text, _ in files]
    files.append((f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]).encode(), 0o644))
    path = out / f"pgsrm-{version}-py3-none-{tag}.whl"
    aside = path.with_suffix(".new")
    with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, mode in files:
            entry = zipfile.ZipInfo(name)  # of 1980: nothing depends on the clock
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, text)
    aside.replace(path)
    return path


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", required=True, help="of the release, in the form of PEP 440")
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder")
    parser.add_argument("--only", action="append", choices=sorted(TAGS), help="platform; repeatable")
    parser.add_argument("--binary", type=pathlib.Path, help="of the one platform, in the place of go build")
    o = parser.parse_args()
    if not VERSION.fullmatch(o.version):
        parser.error(f"--version: must be a version of PEP 440, such as 0.1.0 or 0.1.0rc1 (got {o.version!r})")
    targets = o.only or list(TAGS)
    if o.binary is not None and len(targets) != 1:
        parser.error("--binary: needs --only with one platform")
    if o.binary is not None and not o.binary.is_file():
        parser.error(f"--binary: must be a file (got {str(o.binary)!r})")
    o.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for target in targets:
            print(wheel(target, o.version, o.binary or build(target, o.version, o.commit, folder), o.out))


if __name__ == "__main__":
    sys.exit(main())
