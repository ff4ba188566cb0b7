"""Each check of tools/ passes a tree that is in order and fails one that is not."""

import pathlib
import shutil
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tree(tmp_path):
    """An empty project with the real ladder; call it to add a file."""
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOLS / "layers.txt", tmp_path / "tools")

    def add(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path

    return add


def check(tool, root):
    """(exit status, what it printed)"""
    run = subprocess.run([TOOLS / tool, root], capture_output=True, text=True)
    assert run.stderr == ""
    return run.returncode, run.stdout


def function(name="f", parameters="void", lines=3):
    return f"int {name}({parameters})\n{{\n" + "    f();\n" * (lines - 3) + "}\n"


class TestLayers:
    def test_allowed_includes_pass(self, tree):
        tree("src/router/a.c", '#include "router/a.h"\n#include "http/client.h"\n'
                               '#include "adapter/registry.h"\n#include <stdio.h>\n')
        root = tree("src/io/a.c", '#include <uv.h>\n#include <openssl/ssl.h>\n')
        assert check("check-layers", root) == (0, "")

    @pytest.mark.parametrize("file, header", [
        ("src/base/a.c", '"codec/json.h"'),
        ("src/codec/a.c", '"io/loop.h"'),
        ("src/adapter/a.h", '"http/client.h"'),
        ("src/router/a.c", '"http/server.h"'),
        ("src/router/a.c", '"adapter/openai.h"'),
        ("src/service/a.c", '"http/server.h"'),
        ("src/controller/a.c", '"repository/keys.h"'),
        ("src/http/a.c", "<uv.h>"),
        ("src/io/a.h", "<uv.h>"),
        ("src/io/a.c", '"loop.h"'),
    ])
    def test_forbidden_include_fails(self, tree, file, header):
        root = tree(file, f"#pragma once\n\n#include {header}\n")
        status, told = check("check-layers", root)
        assert status == 1
        assert told.startswith(f"{file}:3: ")

    def test_header_without_pragma_once_fails(self, tree):
        assert check("check-layers", tree("src/base/a.h", "int x;\n"))[0] == 1

    def test_unknown_layer_fails(self, tree):
        assert check("check-layers", tree("src/attic/a.c", ""))[0] == 1

    def test_revealed_secret_fails_outside_the_listed_files(self, tree):
        assert check("check-layers", tree("src/model/a.c", "f(secret_reveal(s));\n"))[0] == 1

    def test_comment_is_no_call(self, tree):
        root = tree("src/model/a.c", "/* secret_reveal(s) is for others */\n")
        assert check("check-layers", root) == (0, "")


class TestVendors:
    def test_adapter_and_wire_may_name_them(self, tree):
        tree("src/adapter/openai_like.c", '"groq"')
        assert 'names the vendor' not in check("check-vendors", tree("src/wire/a.c", "/* Claude */"))[1]

    @pytest.mark.parametrize("text", [
        "/* as vLLM does it */", 'x = "groq";', "int deepseek_quirk;", 'case "together":',
        "call_OpenAI();", "enum { VENDOR_MISTRAL };",
    ])
    def test_name_elsewhere_fails(self, tree, text):
        status, told = check("check-vendors", tree("src/service/a.c", f"\n{text}\n"))
        assert status == 1
        assert "src/service/a.c:2: names the vendor" in told

    def test_english_passes(self, tree):
        root = tree("src/base/a.c", "/* both together; a maxai is no vendor */")
        assert "src/base" not in check("check-vendors", root)[1]


class TestSize:
    def test_small_passes(self, tree):
        root = tree("src/base/a.c", function(lines=80, parameters="int a, int (*b)(int, int)"))
        assert "src/base" not in check("check-size", root)[1]

    @pytest.mark.parametrize("file, text, told", [
        ("src/base/a.c", function(lines=81), "a.c:1: f has 81 lines"),
        ("src/base/a.c", function(parameters="int a, int b, int c, int d, int e, int f"),
         "f has 6 parameters"),
        ("src/base/a.c", "int x;\n" * 701, "the file has 701 lines"),
        ("src/base/a.h", "int x;\n" * 201, "the file has 201 lines"),
    ])
    def test_big_fails(self, tree, file, text, told):
        status, out = check("check-size", tree(file, text))
        assert status == 1
        assert told in out

    def test_signature_over_lines_counts_from_its_start(self, tree):
        text = "int x;\n\nstatic int long_name(int a,\n                     int b)\n{\n" + "\n" * 77 + "}\n"
        assert "a.c:3: long_name has 81 lines" in check("check-size", tree("src/base/a.c", text))[1]


class TestNames:
    def test_good_names_pass(self, tree):
        text = ("/* strcpy(a, b) is banned */\nint metadata_len(void)\n{\n    goto out;\nout:\n"
                "    snprintf(a, 1, \"atoi(x)\");\n    x.atoi(1);\n}\n")
        assert check("check-names", tree("src/base/a.c", text)) == (0, "")

    @pytest.mark.parametrize("file, text", [
        ("src/base/a.c", "    strcpy(a, b);\n"),
        ("src/base/a.c", "    n = atoi (s);\n"),
        ("src/base/a.c", "again:\n    goto again;\n"),
        ("src/base/a.c", "static int key_info(void)\n"),
        ("src/base/a.c", "struct key_manager {\n"),
        ("src/base/string_utils.c", "\n"),
    ])
    def test_bad_names_fail(self, tree, file, text):
        assert check("check-names", tree(file, text))[0] == 1
