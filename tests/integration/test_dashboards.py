"""deploy/grafana and deploy/prometheus: they load, and what they ask for is there."""

import json
import re
import shutil
import subprocess

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from gateway import BINARY, ROOT

GRAFANA = ROOT / "deploy/grafana/courier.json"
PROMETHEUS = ROOT / "deploy/prometheus"
METRIC = re.compile(r"\b(?:courier|gen_ai|process)_\w+")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| \w* \| (.*?) \|", re.M)
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"),
                                    reason="promtool is in Debian's package prometheus")


def promtool(*args, **more):
    done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True,
                          timeout=60, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def known():
    """{series name: labels} of everything that /metrics may tell."""
    page = subprocess.run([BINARY, "metrics-page"], capture_output=True, text=True, check=True)
    series = {}
    for name, kind, labels in ROW.findall(page.stdout):
        labels = set(re.findall(r"`(\w+)`", labels)) | {"job", "instance"}
        if kind == "histogram":
            series[name + "_bucket"] = labels | {"le"}
            series[name + "_sum"] = series[name + "_count"] = labels
        else:
            series[name] = labels
    assert len(series) > 40
    return series


def labels_of(name, series, labels, where):
    assert name in series, f"{where}: there is no metric {name}"
    assert labels <= series[name], f"{where}: {name} has no label {labels - series[name]}"


def check(expression, series):
    """Every metric is there and has the labels that are asked for, each where it is asked."""
    names = [n for n in METRIC.findall(expression) if n not in {x for s in series.values() for x in s}]
    assert names or "up{" in expression, expression
    for name, selector in re.findall(r"\b((?:courier|gen_ai|process)_\w+)\{([^}]*)\}", expression):
        labels_of(name, series, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)), expression)
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression)
               for label in group.split(",")} - {"job", "instance"}
    for name in names:
        labels_of(name, series, set(), expression)
    for label in grouped:
        assert any(label in series[name] for name in names), f"{expression}: {label}"


def expressions(panels):
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
        yield from expressions(panel.get("panels", []))


def test_the_dashboard_is_one():
    register_default_plugins()
    whole = json.loads(GRAFANA.read_text())
    dashboard = Dashboard.from_json(whole)
    again = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    assert again["title"] == "courier" and len(again["panels"]) == len(whole["panels"])
    assert [v.name for v in dashboard.templating.list_val][0] == "datasource"
    ids = [panel["id"] for panel in whole["panels"]]
    assert len(ids) == len(set(ids))
    for panel in whole["panels"]:  # nothing is bound to a data source of ours
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24 and panel["targets"]


def test_panels_do_not_overlap():
    taken = {}
    for panel in json.loads(GRAFANA.read_text())["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_the_dashboard_asks_for_what_there_is():
    series, whole = known(), json.loads(GRAFANA.read_text())
    asked = list(expressions(whole["panels"]))
    assert len(asked) > 30
    for _, expression in asked:
        check(expression, series)
    for variable in whole["templating"]["list"]:
        for name in METRIC.findall(variable.get("definition", "")):
            if name not in {x for s in series.values() for x in s}:
                assert name in series, variable["definition"]


@needs_promtool
def test_the_dashboards_questions_are_promql(tmp_path):
    rules = [{"record": f"panel:{i}", "expr": re.sub(r"\$__rate_interval", "5m", e)}
             for i, (_, e) in enumerate(expressions(json.loads(GRAFANA.read_text())["panels"]))]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", path)


def test_the_alerts_ask_for_what_there_is():
    series = known()
    text = (PROMETHEUS / "alerts.yaml").read_text()
    found = re.findall(r"expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)", text)
    assert len(found) == text.count("- alert:")
    for block, line in found:
        check(" ".join((block or line).split()), series)


@needs_promtool
def test_promtool_takes_the_alerts():
    promtool("check", "rules", PROMETHEUS / "alerts.yaml")
    promtool("check", "config", PROMETHEUS / "prometheus.yaml")
    promtool("test", "rules", PROMETHEUS / "alerts_test.yaml")
