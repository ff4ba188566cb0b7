#!/usr/bin/env python3
"""A PostgreSQL server for tests: its own folder, a free port on the loopback, nothing kept.

As a program, for ctest:
    postgres.py start FILE    starts one and writes its URL (of a superuser) to FILE
    postgres.py stop FILE     ends it
As a module, for the integration tests: Server.

A server does not run as root: then everything of it runs as the user `postgres`.

It is the newest that is installed, or the one of the folder COURIER_TEST_POSTGRES_BIN, which holds
initdb, pg_ctl, postgres, psql and pg_dump (tests/versions).
"""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIN = "COURIER_TEST_POSTGRES_BIN"
PASSWORD = "a pass/word@100%"  # every character that a URL must write otherwise
PASSWORD_IN_URL = "a%20pass%2Fword%40100%25"
SETTINGS = {
    "fsync": "off",  # nothing here outlives the machine
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "200",
    "shared_buffers": "'64MB'",
    "password_encryption": "'scram-sha-256'",
}


def binary(name):
    """Debian keeps them outside of PATH."""
    if BIN in os.environ:
        return os.path.join(os.environ[BIN], name)
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    if found:
        return max(found, key=lambda path: int(pathlib.Path(path).parts[4]))
    found = shutil.which(name)
    if not found:
        sys.exit(f"{name} is not installed (tools/packages test)")
    return found


def as_user():
    """What stands in front of a command so that it does not run as root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One server. Settings are lines of postgresql.conf."""

    def __init__(self, **settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="courier-postgres-"))
        self.data = self.folder / "data"
        self.settings = {**SETTINGS, **settings}
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._init()
        self.start()

    def _run(self, *command, check=True, **options):
        return subprocess.run([*as_user(), *map(str, command)], check=check, cwd=self.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **options)

    def write(self, name, text, mode=0o600):
        """A file in the server's folder, the server's own."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")
        return path

    def _init(self):
        secret = self.write("password", PASSWORD)
        self._run(binary("initdb"), "-D", self.data, "-U", "tester", "-E", "UTF8", "--no-locale",
                  "-A", "scram-sha-256", "--pwfile", secret, "--no-sync")

    def configure(self, **settings):
        self.settings.update(settings)
        lines = {**self.settings, "port": self.port,
                 "unix_socket_directories": f"'{self.folder}'"}
        with open(self.data / "postgresql.conf", "w") as out:
            out.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def start(self):
        self.configure()
        done = self._run(binary("pg_ctl"), "-D", self.data, "-l", self.folder / "log", "-w",
                         "-t", "120", "start", check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + (self.folder / "log").read_text())

    def pid(self):
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def pids(self):
        """Of the server and all of its children."""
        first = self.pid()
        found = [first]
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue  # it has ended
            if int(text.rpartition(")")[2].split()[1]) == first:
                found.append(int(stat.parent.name))
        return found

    def signal(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, mode="fast"):
        if (self.data / "postmaster.pid").exists():
            self._run(binary("pg_ctl"), "-D", self.data, "-w", "-t", "120", "-m", mode, "stop",
                      check=False)

    def kill(self):
        """As a power cut would."""
        pids = self.pids()
        self.signal(signal.SIGKILL)
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            time.sleep(0.01)

    def url(self, database="postgres", user="tester", password=PASSWORD_IN_URL, query=""):
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{database}{query}"

    def sql(self, text, database="postgres"):
        """Rows as lists of strings; NULL is None."""
        done = subprocess.run(
            [binary("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-P", "null=\\N",
             "-F", "\x1f", "-R", "\x1e", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester",
             "-d", database, "-c", text],
            env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        rows = done.stdout.rstrip("\n").split("\x1e") if done.stdout.strip("\n") else []
        return [[None if cell == "\\N" else cell for cell in row.split("\x1f")] for row in rows]

    def make_database(self):
        """A new database; returns its name."""
        self.made = getattr(self, "made", 0) + 1
        name = f"test_{os.getpid()}_{self.made}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def close(self):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    what, path = sys.argv[1], pathlib.Path(sys.argv[2])
    if what == "stop" or path.exists():  # what a run that was broken off has left
        if path.exists():
            folder = pathlib.Path(path.read_text().splitlines()[1])
            subprocess.run([*as_user(), binary("pg_ctl"), "-D", folder / "data", "-m", "immediate",
                            "stop"], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink()
    if what == "start":
        server = Server()
        path.write_text(f"{server.url()}\n{server.folder}\n")


if __name__ == "__main__":
    main()
