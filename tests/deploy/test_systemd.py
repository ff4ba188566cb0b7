"""deploy/systemd: the unit by systemd's own judgement, and running under systemd in a container, with
its user, its filter of system calls and its credentials."""

import json
import subprocess

import pytest
from stack import ROOT, docker, on_the_page, wait_for

UNIT = ROOT / "deploy/systemd/courier.service"
PAGE = on_the_page("systemd")
EXPOSURE = 15  # tenths; 11 when this was written, of which 9 are the network


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """With a program that this machine has."""
    path = tmp_path_factory.mktemp("unit") / "courier.service"
    path.write_text(UNIT.read_text().replace("/usr/local/bin/courier", "/bin/true"))
    return path


def analyze(*args):
    return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True)


def test_verified(unit):
    done = analyze("verify", unit)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_exposure(unit):
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout
    print(done.stdout.strip().splitlines()[-1])


class Machine:
    """A container that systemd runs, and the unit in it, installed as it says."""

    def __init__(self, name):
        self.name = name

    def sh(self, command, check=True):
        return docker("exec", self.name, "sh", "-c", command, check=check).stdout

    def systemctl(self, verb):
        done = docker("exec", self.name, "systemctl", verb, "courier", check=False)
        assert done.returncode == 0, done.stderr + self.journal()

    def show(self, what):
        return self.sh(f"systemctl show --property={what} --value courier").strip()

    def journal(self):
        return self.sh("journalctl --unit=courier --no-pager --output=cat")

    def ask(self, path, key, body=None):
        """(status, body)"""
        data = f"--data '{json.dumps(body)}'" if body else ""
        said = self.sh(f"curl -sS -w '\\n%{{http_code}}' -H 'authorization: Bearer {key}' {data} "
                       f"http://127.0.0.1:8080{path}")
        text, _, status = said.rpartition("\n")
        return int(status), text


@pytest.fixture(scope="module")
def machine(image):
    here = ROOT / "tests/deploy/standins"
    docker("build", "--network", "host", "--tag", "courier-systemd",
           "--file", here / "systemd.Dockerfile", here)
    # all that the engine may give: systemd takes from the service what the unit says
    name = docker(
        "run", "--detach", "--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined", "--tmpfs=/run", "--tmpfs=/tmp", "courier-systemd").stdout.strip()
    made = Machine(name)
    try:
        wait_for(lambda: made.sh("systemctl is-system-running", check=False).strip()
                 in ("running", "degraded"), seconds=120)
        made.sh("mkdir -p /src/deploy /src/build && mv /usr/local/bin/courier /src/build/")
        docker("cp", ROOT / "deploy/systemd", f"{name}:/src/deploy/")
        yield made
    finally:
        docker("rm", "--force", "--volumes", name)


def test_starts_and_tells_that_it_is_ready(machine):
    """The commands of docs/deployment.md."""
    told = machine.sh("set -e; cd /src\n" + PAGE[0], check=False)
    assert told.count("the admin key") == 1, told + machine.journal()
    assert machine.show("ActiveState") == "active" and machine.show("NotifyAccess") == "main"
    assert machine.sh("courier health --url http://127.0.0.1:8080/readyz").endswith("answers 200\n")


def test_confined(machine):
    status = machine.sh(f"cat /proc/{machine.show('MainPID')}/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(lines["Uid"].split()[0]) >= 61184  # one of DynamicUser's
    assert lines["CapBnd"] == lines["CapEff"] == "0000000000000000"
    assert lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2"
    assert machine.sh("stat --format=%a /var/lib/private/courier/courier.db").strip() == "600"


def test_works_under_the_filter(machine):
    """Calls to a provider with a name, buffered and streamed, keys, a reload; nothing is refused that it
    needs."""
    machine.sh("systemd-run --unit=mock courier mock --listen 127.0.0.1:9090")
    key = "sk-cr-0123456789abcdef0123456789"
    machine.sh(f"(echo {key}) | (" + PAGE[1].replace("openai_key", "admin_key") + ")")
    machine.sh("cat >>/etc/courier/courier.yaml <<'END'\n"
               "admin_key: ${file:/run/credentials/courier.service/courier.admin_key}\n"
               "providers:\n"
               "  - {name: p, type: openai_compatible, base_url: http://localhost:9090/v1}\n"
               "models:\n"
               "  - {name: m, provider: p}\nEND")
    machine.systemctl("restart")
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    status, text = machine.ask("/v1/chat/completions", key, body)
    assert status == 200 and "Hello!" in text, machine.journal()
    status, text = machine.ask("/v1/chat/completions", key, {**body, "stream": True})
    assert status == 200 and text.rstrip().endswith("data: [DONE]")
    machine.sh("sed -i 's/{name: m,/{name: other,/' /etc/courier/courier.yaml")
    machine.systemctl("reload")
    wait_for(lambda: machine.ask("/v1/models/other", key)[0] == 200)


def test_stops_in_order(machine):
    machine.systemctl("stop")
    assert machine.show("Result") == "success" and machine.show("ExecMainStatus") == "0"
    assert '"message":"stopped"' in machine.journal()
    machine.systemctl("start")
    assert machine.show("ActiveState") == "active"
