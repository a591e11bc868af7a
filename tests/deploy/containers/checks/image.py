"""deploy/Dockerfile: what it is made of is there, what is built is what the workspace has, and what runs may do little."""

import json
import re
import subprocess
import tomllib
from functools import cache

from checks import check
from dockerfile import Dockerfile, Ignored, copies, exec_form, labels
from files import DOCKERFILE, DOCKERIGNORE, ROOT, complaints, tool, tracked

# The shared libraries of distroless cc that programs in Rust use; it has no libpq and no OpenSSL for them.
LIBRARIES = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
# What cargo reads, wherever the workspace is built.
BUILT_OF = ("Cargo.lock", "Cargo.toml", "proto/", "services/", "shared/")
# What an image should not be built of, and the registry of no one should see.
KEPT_OUT = [".git/config", "target/debug/kith", "kith-data/signing-key.pem", "deploy/secrets/signing_key", "README.md"]


def image(case):
    return Dockerfile(case.files[DOCKERFILE])


@cache
def metadata():
    asked = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version=1"]
    return json.loads(subprocess.run(asked, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def programs():
    """The programs of the workspace, each with its package. What tests run is no program of Kith."""
    return {
        target["name"]: package["name"]
        for package in metadata()["packages"]
        if package["manifest_path"].startswith(f"{ROOT}/services/")
        for target in package["targets"]
        if "bin" in target["kind"]
    }


@check
def hadolint_has_nothing_to_say(case):
    texts = (("Dockerfile", case.files[DOCKERFILE]),)
    yield from complaints(texts, tool("hadolint"), "--no-color", "Dockerfile").splitlines()


@check
def every_base_has_a_tag(case):
    for base in image(case).bases():
        _, _, tag = base.rpartition("/")[2].partition(":")
        if not tag or tag == "latest":
            yield f"{base} is whatever it is today"


@check
def compiler_and_c_library_are_the_same_everywhere(case):
    channel = tomllib.loads(case.files["rust-toolchain.toml"])["toolchain"]["channel"]
    told = {
        "RUSTUP_TOOLCHAIN": re.search(r"RUSTUP_TOOLCHAIN=(\S+)", image(case).stage("toolchain").all("ENV")[0])[1],
        "the image of Rust": re.search(r"/rust:([\d.]+)-slim-trixie$", image(case).stage("toolchain").image)[1],
    }
    for what, version in told.items():
        if version != channel:
            yield f"{what} is {version}, and rust-toolchain.toml says {channel}"
    # Debian 13 is trixie.
    if "-debian13:" not in image(case).stage("runtime").image:
        yield "what runs is not of the Debian that it was built on"


@check
def what_is_copied_is_there_and_let_in(case):
    ignored = Ignored(case.files[DOCKERIGNORE])
    for stage in image(case).stages:
        for origin, sources, _ in copies(stage):
            if origin is not None:
                image(case).stage(origin)
                continue
            for source in set(sources) - {"."}:
                if source not in tracked():
                    yield f"{source} is not there"
                if source in ignored:
                    yield f"{source} is left out by {DOCKERIGNORE}"


@check
def everything_that_is_built_is_let_in_and_nothing_secret(case):
    ignored = Ignored(case.files[DOCKERIGNORE])
    manifests = [package["manifest_path"].removeprefix(f"{ROOT}/") for package in metadata()["packages"]]
    wanted = [path for path in tracked() if path.startswith(BUILT_OF) and not path.endswith(".md")]
    for path in [*wanted, *manifests]:
        if path in ignored:
            yield f"{path} is left out"
    for path in KEPT_OUT:
        if path not in ignored:
            yield f"{path} is let in"


@check
def what_is_built_is_what_the_workspace_has(case):
    cook, compile_, split = image(case).stage("build").all("RUN")
    for command in [cook, compile_]:
        packages = re.findall(r" -p (\S+)", command)
        if sorted(packages) != sorted(programs().values()):
            yield f"built are {packages}, and programs are in {sorted(programs().values())}"
    taken = re.search(r"for program in ([^;]+);", split)[1].split()
    if sorted(taken) != sorted(programs()):
        yield f"the image gets {taken}, and the workspace has {sorted(programs())}"


@check
def dependencies_are_compiled_once(case):
    """Before any source, by the same flags as everything after: another flag would compile them again."""
    build = image(case).stage("build")
    places = [
        build.place(beginning)
        for beginning in ["COPY --from=plan", "RUN cargo chef cook", "COPY . .", "ARG KITH_REVISION", "RUN cargo build"]
    ]
    if places != sorted(places):
        yield "a changed source would compile the dependencies again"
    cook, compile_ = [flags(command) for command in build.all("RUN")[:2]]
    if cook - {"--recipe-path"} != compile_ or "--locked" not in cook or "--release" not in cook:
        yield f"dependencies are compiled with {sorted(cook)}, and Kith with {sorted(compile_)}"


def flags(command):
    return set(re.findall(r"(?<=\s)--[a-z-]+", command))


@check
def what_runs_has_no_shell_and_no_rights(case):
    runtime = image(case).stages[-1]
    if runtime.name != "runtime" or "/distroless/" not in runtime.image:
        yield f"the last stage, {runtime.name}, is made of {runtime.image}"
    if runtime.all("USER") != ["65532:65532"]:
        yield f"it runs as {runtime.all('USER')}"
    for keyword in ["RUN", "SHELL", "ADD", "ENTRYPOINT", "HEALTHCHECK", "ONBUILD"]:
        if runtime.all(keyword):
            yield f"it has {keyword}"
    (command,) = runtime.all("CMD")
    if (exec_form(command) or [""])[0] != "/usr/local/bin/kith":
        yield f"its command is {command}"
    if ("build", ["/out/bin/"], "/usr/local/bin/") not in list(copies(runtime)):
        yield "the programs are not in /usr/local/bin"


@check
def labels_say_what_the_workspace_says(case):
    workspace = tomllib.loads(case.files["Cargo.toml"])["workspace"]["package"]
    told = labels(image(case).stages[-1])
    wanted = {
        "title": "kith",
        "version": workspace["version"],
        "licenses": workspace["license"],
        "revision": "${KITH_REVISION}",
        "source": "${KITH_SOURCE}",
        "base.name": "${RUNTIME_IMAGE}",
    }
    for name, value in wanted.items():
        if told.get(f"org.opencontainers.image.{name}") != value:
            yield f"the label {name} is {told.get(f'org.opencontainers.image.{name}')} and not {value}"
    if not told.get("org.opencontainers.image.description"):
        yield "there is no label description"


@check
def the_programs_need_no_library_that_the_image_lacks(case):
    for program in programs():
        if strangers := libraries(case.binaries / program) - LIBRARIES:
            yield f"{program} needs {', '.join(sorted(strangers))}"


@cache
def libraries(program):
    told = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[0].rpartition("/")[2] for line in told.splitlines()}
