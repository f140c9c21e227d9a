"""The pure parts of the local tools: stamps, ports, status, parameters, locks."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from infra.local import emulator, environments, layers, ports, processes, sam, stack, stamps, status
from infra.local.trouble import Trouble


class TestStamps:
    def test_the_same_content_has_the_same_stamp_wherever_it_lies(self, tmp_path: Path) -> None:
        for checkout in ("one", "two"):
            (tmp_path / checkout / "code").mkdir(parents=True)
            (tmp_path / checkout / "code" / "app.py").write_text("x = 1")
        assert stamps.digest(tmp_path / "one" / "code") == stamps.digest(tmp_path / "two" / "code")

    def test_content_names_and_order_of_parts_count(self, tmp_path: Path) -> None:
        file = tmp_path / "a.py"
        file.write_text("x = 1")
        seen = {stamps.digest(tmp_path), stamps.digest(tmp_path, "3.11"), stamps.digest("3.11", tmp_path)}
        file.write_text("x = 2")
        seen.add(stamps.digest(tmp_path))
        file.rename(tmp_path / "b.py")
        seen.add(stamps.digest(tmp_path))
        assert len(seen) == 5

    def test_two_parts_are_not_one(self) -> None:
        assert stamps.digest("ab", "c") != stamps.digest("a", "bc")

    def test_what_python_leaves_behind_does_not_count(self, tmp_path: Path) -> None:
        before = stamps.digest(tmp_path)
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__" / "app.pyc").write_bytes(b"x")
        assert stamps.digest(tmp_path) == before

    def test_a_stamp_is_fresh_until_the_content_changes(self, tmp_path: Path) -> None:
        stamp = tmp_path / "deep" / "stamp"
        assert not stamps.fresh(stamp, "a")
        stamps.write(stamp, "a")
        assert stamps.fresh(stamp, "a")
        assert not stamps.fresh(stamp, "b")


class TestPorts:
    def test_a_port_in_use_is_refused_with_one_to_try(self) -> None:
        with socket.create_server((ports.HOST, 0)) as other:
            taken = other.getsockname()[1]
            assert not ports.is_free(taken)
            with pytest.raises(Trouble, match=f"Port {taken} .* is used") as refusal:
                ports.demand(taken)
        assert "--port" in str(refusal.value)

    def test_a_listener_on_every_address_counts_as_well(self) -> None:
        with socket.create_server(("0.0.0.0", 0)) as other:
            assert not ports.is_free(other.getsockname()[1])

    def test_a_free_port_is_given_as_asked(self) -> None:
        port = ports.free_port()
        assert ports.demand(port) == port


class TestStatus:
    OUTPUTS: ClassVar = {
        "ApiId": "abc",
        "StockTable": "holdfast-Stock-1",
        "LocksTable": "holdfast-Locks-1",
        "StorefrontHttpFunction": "holdfast-storefront_http",
        "OrdersStreamFunction": "holdfast-orders_stream",
        "EventBusName": "holdfast",
    }

    def test_it_has_the_promised_shape(self) -> None:
        facts = status.compose("http://127.0.0.1:4566", 8787, self.OUTPUTS, {"HoldSeconds": "15"}, "key")
        assert facts["api_url"] == "http://127.0.0.1:8787/v1"
        assert facts["emulator_url"] == "http://127.0.0.1:4566"
        assert facts["shop"] == "demo"
        assert facts["admin_key"] == "key"
        assert facts["sandbox_webhook_secret"] == ""
        assert facts["tables"] == {"stock": "holdfast-Stock-1", "locks": "holdfast-Locks-1"}
        assert facts["functions"] == {"storefront_http": "holdfast-storefront_http", "orders_stream": "holdfast-orders_stream"}
        assert all(page.startswith("http://127.0.0.1:8787/") for page in facts["pages"].values())
        assert json.loads(json.dumps(facts)) == facts

    def test_a_missing_output_is_named(self) -> None:
        with pytest.raises(Trouble, match="ApiId"):
            status.needed({}, "ApiId")


class TestParameters:
    def test_both_spellings_of_samconfig_are_read(self) -> None:
        assert sam.parameters({"parameter_overrides": "A=1 B='x y'"}) == {"A": "1", "B": "x y"}
        assert sam.parameters({"parameter_overrides": ["A=1", "Url=http://h/?a=b"]}) == {"A": "1", "Url": "http://h/?a=b"}

    def test_the_machine_wins_over_the_file(self) -> None:
        given = sam.overrides({"HoldSeconds": "99", **stack.parameters(8800)})
        assert "HoldSeconds=99" in given
        assert "SandboxPayUrl=http://127.0.0.1:8800/pay" in given
        assert len({pair.partition("=")[0] for pair in given}) == len(given)


class TestEnvironment:
    def test_nothing_of_the_users_shell_reaches_a_function(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "LOG_LEVEL", "PYTHONPATH", "HTTPS_PROXY", "POWERTOOLS_DEV"):
            monkeypatch.setenv(name, "mine")
        assert "mine" not in processes.bare_env().values()

    def test_the_users_aws_configuration_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shell = {**os.environ, "AWS_PROFILE": "prod", "AWS_ENDPOINT_URL_DYNAMODB": "https://somewhere"}
        monkeypatch.setattr(os, "environ", shell)
        emulator.only_test_credentials()
        assert {name: value for name, value in shell.items() if name.startswith("AWS_")} == emulator.credentials()

    def test_installers_may_use_the_network_as_the_user_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        monkeypatch.setenv("UV_INDEX_URL", "https://mirror/simple")
        monkeypatch.setenv("AWS_PROFILE", "mine")
        given = processes.network_env()
        assert given["HTTPS_PROXY"] == "http://proxy:3128"
        assert given["UV_INDEX_URL"] == "https://mirror/simple"
        assert "AWS_PROFILE" not in given


class TestInstaller:
    LOCK = "uv==1.2.3 \\\n    --hash=sha256:" + "a" * 64 + " \\\n    --hash=sha256:" + "b" * 64 + "\n"
    PAGE = """
        <a href="https://files/uv-1.2.3-py3-none-macosx_11_0_arm64.whl#sha256=x">for a Mac</a>
        <a href="../uv-1.2.3-py3-none-manylinux_2_17_x86_64.whl">for Linux</a>
    """

    def test_the_pin_is_read_from_the_lock(self) -> None:
        assert environments.read_pin(self.LOCK) == ("1.2.3", {"a" * 64, "b" * 64})

    def test_the_wheel_is_found_on_the_index_page(self) -> None:
        assert environments.wheel_url(self.PAGE, "1.2.3", "macosx_11_0_arm64") == "https://files/uv-1.2.3-py3-none-macosx_11_0_arm64.whl"
        assert environments.wheel_url(self.PAGE, "1.2.3", "manylinux_2_17_x86_64").endswith("x86_64.whl")
        with pytest.raises(LookupError):
            environments.wheel_url(self.PAGE, "1.2.4", "macosx_11_0_arm64")

    def test_the_locks_show_nothing_of_the_machine_that_made_them(self) -> None:
        locks = [*environments.REQUIREMENTS.glob("*.txt"), environments.LAYERS / "dependencies" / "requirements.txt"]
        locks = [lock for lock in locks if not lock.stem.endswith("excluded")]
        assert len(locks) == 5
        for lock in locks:
            text = lock.read_text()
            assert "python3 infra/dev.py lock" in text.splitlines()[1]
            assert "--hash=sha256:" in text
            assert " /" not in text

    def test_tests_run_on_what_the_layer_holds(self) -> None:
        def pins(lock: Path) -> set[str]:
            return {line.split()[0] for line in lock.read_text().splitlines() if "==" in line}

        assert pins(environments.LAYERS / "dependencies" / "requirements.txt") <= pins(environments.REQUIREMENTS / "project.txt")


class TestLayers:
    def test_only_the_services_that_are_used_stay(self, tmp_path: Path) -> None:
        for name in ("dynamodb", "sqs", "ec2", "s3"):
            (tmp_path / name).mkdir()
        (tmp_path / "endpoints.json").write_text("{}")
        layers.prune_services(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["dynamodb", "endpoints.json", "sqs"]

    def test_of_chalice_the_router_stays(self, tmp_path: Path) -> None:
        for name in (
            "chalice/__init__.py",
            "chalice/app.py",
            "chalice/cli/main.py",
            "chalice-1.dist-info/METADATA",
            "chalice-1.dist-info/licenses/X",
        ):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        layers.prune(tmp_path)
        left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
        assert left == ["chalice-1.dist-info/METADATA", "chalice/__init__.py", "chalice/app.py"]


class TestProcesses:
    ENDLESS = (sys.executable, "-c", "import time; time.sleep(60)  # holdfast-test")

    def test_a_process_lives_until_it_is_stopped(self, tmp_path: Path) -> None:
        pid = processes.start(self.ENDLESS, tmp_path / "log", processes.bare_env())
        assert processes.alive(pid, "holdfast-test")
        assert processes.stop(pid, "holdfast-test")
        assert not processes.alive(pid, "holdfast-test")
        assert not processes.stop(pid, "holdfast-test")

    def test_another_program_with_the_same_id_is_left_alone(self, tmp_path: Path) -> None:
        pid = processes.start(self.ENDLESS, tmp_path / "log", processes.bare_env())
        try:
            assert not processes.stop(pid, "ministack")
            assert processes.alive(pid, "holdfast-test")
        finally:
            processes.stop(pid, "holdfast-test")

    def test_children_end_with_their_parent(self, tmp_path: Path) -> None:
        child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
        code = f"import subprocess, sys, time; print({child}.pid, flush=True); time.sleep(60)"
        log = tmp_path / "log"
        pid = processes.start((sys.executable, "-c", code), log, processes.bare_env())
        while not log.read_text().strip():
            assert processes.alive(pid, "")
        processes.stop(pid, "")
        assert not processes.alive(int(log.read_text()), "time.sleep")

    def test_a_failure_shows_the_end_of_its_log(self, tmp_path: Path) -> None:
        command = (sys.executable, "-c", "print('the reason'); raise SystemExit(3)")
        with pytest.raises(Trouble) as failure:
            processes.run(command, tmp_path / "log", processes.bare_env(), "The deployment", "Do this.")
        assert all(text in str(failure.value) for text in ("The deployment failed (exit code 3)", "the reason", "Do this."))
