"""The image by itself: size, user, what it needs, its health."""

import json

import pytest
from stack import docker, free_port, inspect, on_the_page, shell, wait_for

MOST = 40 * 1000 * 1000  # above its base


@pytest.fixture
def container():
    """container(OPTION...): runs one as a careful person would; gone after the test."""
    names = []

    def make(*options):
        done = docker("run", "--detach", "--read-only", "--cap-drop=ALL",
                      "--security-opt=no-new-privileges", *options)
        names.append(done.stdout.strip())
        return names[-1]

    yield make
    for name in names:
        docker("rm", "--force", "--volumes", name)


def test_size(image):
    above = image["Size"] - inspect("debian:trixie-slim")["Size"]
    print(f"{above / 1e6:.1f} MB above the base")
    assert above <= MOST


def test_what_it_says_of_itself(image):
    config = image["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.revision"] == "of-the-test"
    assert config["Healthcheck"]["Test"] == ["CMD", "courier", "health"]
    assert "commit of-the-test" in docker("run", "--rm", "courier", "version").stdout


def test_what_is_in_it(image):
    linked = docker("run", "--rm", "--entrypoint", "ldd", "courier", "/usr/local/bin/courier").stdout
    assert "not found" not in linked
    for program in ("gcc", "git", "cmake", "python3", "curl"):
        found = docker("run", "--rm", "--entrypoint", "sh", "courier", "-c",
                       f"command -v {program}", check=False)
        assert found.returncode != 0, program


def test_alone_with_a_read_only_root(image, container):
    name = container("--volume=/var/lib/courier", "courier")
    wait_for(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    told = docker("logs", name).stdout
    assert told.count("the admin key") == 1
    docker("stop", name)
    assert inspect(name)["State"]["ExitCode"] == 0
    docker("start", name)
    wait_for(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    assert docker("logs", name).stdout.count("the admin key") == 1


def test_the_commands_on_the_page(image):
    commands = on_the_page("The image alone")[0].replace("8080:8080", f"127.0.0.1:{free_port()}:8080")
    try:
        shell(commands)
        wait_for(lambda: "the admin key" in shell("docker logs courier"))
    finally:
        docker("rm", "--force", "courier", check=False)
        docker("volume", "rm", "courier-data", check=False)


def test_unhealthy_when_it_does_not_answer(image, container):
    name = container("--volume=/var/lib/courier", "--health-interval=200ms", "--health-retries=1",
                     "courier")
    wait_for(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    docker("pause", name)  # the check cannot run either
    docker("unpause", name)
    docker("kill", "--signal=STOP", name)
    wait_for(lambda: inspect(name)["State"]["Health"]["Status"] == "unhealthy")
    docker("kill", "--signal=CONT", name)
    wait_for(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    last = inspect(name)["State"]["Health"]["Log"][-1]
    assert json.dumps(last).count("answers 200") == 1
