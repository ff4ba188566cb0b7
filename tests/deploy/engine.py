"""A Docker engine of the test's own, with its own folders, socket and process ids, and the images
that docker-compose.yml names: pulled, or where no registry can be reached made from Debian's
packages."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import debian

STANDINS = pathlib.Path(__file__).parent / "standins"
BASE = "debian:trixie-slim"
OTHERS = {"postgres:17": "postgres", "redis:8": "redis", "haproxy:3.0": "haproxy"}
LIMIT = 600


class Unable(Exception):
    """No containers can be run here; says why."""


def tell(text):
    print(f"deploy: {text}", flush=True)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=LIMIT, **options)


class Engine:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.socket = f"unix://{self.folder}/docker.sock"
        self.log = self.folder / "dockerd.log"
        self.env = {**os.environ, "DOCKER_HOST": self.socket}
        self.env.pop("DOCKER_CONTEXT", None)
        self.daemon = None

    def docker(self, *args, check=True, **options):
        done = run("docker", *args, env=self.env, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"docker {' '.join(map(str, args))}:\n{done.stdout}{done.stderr}")
        return done

    # ---- the daemon ----

    def start(self):
        if os.geteuid() != 0:
            raise Unable("only root can start dockerd")
        for program in ("dockerd", "docker", "debootstrap"):
            if not shutil.which(program):
                raise Unable(f"there is no {program} (tools/packages deploy)")
        with self.log.open("w") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--host", self.socket, "--data-root", str(self.folder / "data"),
                 "--exec-root", str(self.folder / "exec"), "--pidfile", str(self.folder / "pid")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while self.docker("info", check=False).returncode != 0:
            if self.daemon.poll() is not None:
                raise Unable("dockerd does not start: " + self.last_words())
            time.sleep(0.1)
        version = self.docker("version", "--format", "{{.Server.Version}}").stdout.strip()
        tell(f"Docker engine {version} runs in {self.folder}")

    def last_words(self):
        lines = [line for line in self.log.read_text().splitlines() if re.search("fail|error", line)]
        return lines[-1] if lines else "it says nothing"

    def stop(self):
        if self.daemon and self.daemon.poll() is None:
            containers = self.docker("ps", "--all", "--quiet", check=False).stdout.split()
            if containers:
                self.docker("rm", "--force", "--volumes", *containers, check=False)
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(LIMIT)
        for line in pathlib.Path("/proc/mounts").read_text().splitlines():
            where = line.split(" ")[1]
            if where.startswith(f"{self.folder}/"):
                run("umount", where)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- images ----

    def prepare_images(self):
        pulled = self.docker("pull", "--quiet", BASE, check=False)
        if pulled.returncode == 0:
            for name in OTHERS:
                self.docker("pull", "--quiet", name)
            tell("the images come from their registry")
        else:
            tell("no registry can be reached: " + pulled.stderr.strip().splitlines()[-1])
            tell("stand-ins of the images are made from Debian's packages")
            self.make_standins()
        self.try_container()

    def make_standins(self):
        self.make_base()
        for name, file in OTHERS.items():
            self.docker("build", "--quiet", "--network", "host", "--tag", name,
                        "--file", STANDINS / f"{file}.Dockerfile", STANDINS)
            tell(f"made a stand-in of {name}")

    def make_base(self):
        """What debootstrap makes, without what the official slim image leaves out."""
        root = self.folder / "root"
        made = run("debootstrap", "--variant=minbase", "trixie", root, debian.mirror())
        if made.returncode != 0:
            raise Unable("debootstrap fails: " + (made.stdout + made.stderr).strip()[-300:])
        for path in ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale",
                     "var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / path, ignore_errors=True)
            (root / path).mkdir(parents=True)
        packed = subprocess.Popen(["tar", "--create", "--directory", root, "."],
                                  stdout=subprocess.PIPE)
        self.docker("import", "-", BASE, stdin=packed.stdout)
        packed.stdout.close()
        if packed.wait() != 0:
            raise Unable("tar fails")
        shutil.rmtree(root)
        tell(f"made a stand-in of {BASE}")

    def try_container(self):
        tried = self.docker("run", "--rm", BASE, "true", check=False)
        if tried.returncode != 0:
            raise Unable("a container cannot be run: " + tried.stderr.strip().splitlines()[-1])
