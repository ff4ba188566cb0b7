"""deploy/kubernetes as kubectl puts it together, against the published schemas of Kubernetes, and
against itself."""

import pathlib
import re
import shutil
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml
from stack import ROOT, docker

FOLDER = ROOT / "deploy/kubernetes"
VERSIONS = ["1.30", "1.33", "1.37"]


def kustomize(folder):
    """What `kubectl apply --kustomize` would send."""
    kubectl = pathlib.Path(sys.executable).with_name("kubectl")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr  # it warns of what is outdated
    return list(yaml.safe_load_all(done.stdout))


RESOURCES = kustomize(FOLDER)


def of_kind(kind):
    return [one for one in RESOURCES if one["kind"] == kind]


POD = of_kind("StatefulSet")[0]["spec"]["template"]
CONTAINER = POD["spec"]["containers"][0]
CONFIG = of_kind("ConfigMap")[0]["data"]["courier.yaml"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", RESOURCES,
                         ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_schema(resource, version):
    kubernetes_validate.validate(resource, version, strict=True)


def test_the_schema_finds_faults():
    wrong = {**of_kind("PodDisruptionBudget")[0], "spec": {"maxUnavailble": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_no_file_is_left_out():
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed + ["kustomization.yaml"]) == sorted(p.name for p in FOLDER.iterdir())


def test_the_image_is_named_in_one_place(tmp_path):
    """As docs/deployment.md says: in kustomization.yaml."""
    mine = shutil.copytree(FOLDER, tmp_path / "mine")
    written = (mine / "kustomization.yaml").read_text()
    (mine / "kustomization.yaml").write_text(
        re.sub("newTag: .*", "newTag: '7'", re.sub("newName: .*", "newName: r.example/c", written)))
    images = {container["image"] for one in kustomize(mine) if one["kind"] == "StatefulSet"
              for container in one["spec"]["template"]["spec"]["containers"]}
    assert images == {"r.example/c:7"}


def test_everything_is_in_the_namespace():
    assert {one["metadata"].get("namespace") for one in RESOURCES if one["kind"] != "Namespace"} \
        == {of_kind("Namespace")[0]["metadata"]["name"]}


def test_selectors_find_the_pods():
    labels = POD["metadata"]["labels"].items()
    for one in RESOURCES:
        selector = one.get("spec", {}).get("selector")
        if selector:
            assert selector.get("matchLabels", selector).items() <= labels, one["kind"]
    assert of_kind("StatefulSet")[0]["spec"]["serviceName"] in \
        [one["metadata"]["name"] for one in of_kind("Service")]


def test_ports_and_probes_meet_the_configuration():
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    settings = yaml.safe_load(CONFIG)
    assert settings["listen"] == f":{ports['http']}"
    assert settings["metrics_listen"] == f":{ports['metrics']}"
    for service in of_kind("Service"):
        assert all(port["targetPort"] in ports for port in service["spec"]["ports"])
    paths = {name: CONTAINER[f"{name}Probe"]["httpGet"]["path"]
             for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_there_is_time_to_end():
    drain = int(re.fullmatch(r"(\d+)s", yaml.safe_load(CONFIG)["timeouts"]["drain"]).group(1))
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    flush = 10
    assert POD["spec"]["terminationGracePeriodSeconds"] >= pause + drain + flush


def test_confined():
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] and pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["readOnlyRootFilesystem"] and not container["allowPrivilegeEscalation"]
    assert container["capabilities"] == {"drop": ["ALL"]}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in dockerfile


def test_the_configuration_is_good(tmp_path):
    """Checked by the image, with the secrets that docs/deployment.md says to make."""
    if not shutil.which("docker") or docker("image", "inspect", "courier", check=False).returncode:
        pytest.skip("no image")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/courier.yaml").write_text(CONFIG)
    (tmp_path / "secrets").mkdir()
    secrets = {"store": "postgres://courier:0123@db/courier", "limiter": "redis://:0123@redis:6379/0",
               "secret_key": "0123456789abcdef" * 4, "admin_key": "sk-cr-0123456789abcdef"}
    assert set(secrets) == set(re.findall(r"^[^#\n]*\$\{file:/run/secrets/(\w+)\}", CONFIG, re.M))
    for name, text in secrets.items():
        (tmp_path / "secrets" / name).write_text(text + "\n")
        assert f"{name}=" in pathlib.Path(ROOT / "docs/deployment.md").read_text()
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755)
    said = docker("run", "--rm", f"--volume={tmp_path}/etc:/etc/courier:ro",
                  f"--volume={tmp_path}/secrets:/run/secrets:ro", "courier", "check").stdout
    assert said.startswith("OK: ")
