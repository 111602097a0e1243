"""Where programs come from: every branch, without root, without a network, on a file system of the test's own."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.commands import Completed, last_line, run_quietly
from local.errors import ProgramUnavailable
from local.products import DOCKER_COMPOSE, PROMETHEUS, VICTORIA_METRICS, Product
from local.programs import Finder, directories

ARCHIVE = "prometheus-9.9.9.linux-amd64.tar.gz"
APT_HAS_IT = {"apt-cache policy prometheus": (0, "prometheus:\n  Installed: (none)\n  Candidate: 2.42.0+ds-5\n")}
NOT_IN_APT = {"apt-cache policy prometheus": (0, "")}


@dataclass
class Machine:
    """A machine that never was: programs by name, answers by command, and all commands that were run."""

    root: Path
    programs: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    policy_during_install: str | None = None

    def which(self, program: str) -> str | None:
        return self.programs.get(program)

    def run(self, command: Sequence[str]) -> Completed:
        line = " ".join(command)
        self.commands.append(line)
        if "policy-rc.d" in line and "install" in command:
            self._policy.parent.mkdir(parents=True, exist_ok=True)
            self._policy.write_text(Path(command[-2]).read_text())
        if "rm" in command:
            self._policy.unlink(missing_ok=True)
        code, output = self._answer(line)
        if code == 0 and ("apt-get install" in line or "brew install" in line):
            self.policy_during_install = self._policy.read_text() if self._policy.exists() else None
            names = ("prometheus", "promtool") if command[-1] == "prometheus" else (command[-1],)
            self.programs |= {name: f"/usr/bin/{name}" for name in names}
        return Completed(list(command), code, output if code == 0 else "", "" if code == 0 else output)

    def _answer(self, line: str) -> tuple[int, str]:
        for command, answer in self.answers.items():
            if command in line:
                return answer
        return (0, "prometheus, version 2.42.0+ds (branch: debian/sid)" if line.endswith("--version") else "")

    @property
    def _policy(self) -> Path:
        return self.root / "usr/sbin/policy-rc.d"

    def finder(
        self,
        directory: Path,
        system: str = "Linux",
        is_root: bool = True,
        url: str = "",
        product: Product = PROMETHEUS,
    ) -> Finder:
        # Without a server of the test's own: a port on which nobody can listen.
        published = replace(product.published, url=url or "http://127.0.0.1:1", version="9.9.9")
        return Finder(
            product=replace(product, published=published),
            directory=directory,
            say=self.said.append,
            which=self.which,
            run=self.run,
            system=system,
            machine="x86_64",
            is_root=is_root,
            root=self.root,
        )

    def ran(self, part: str) -> bool:
        return any(part in command for command in self.commands)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "root")


def test_prometheus_on_path_is_taken_and_nothing_is_installed(machine: Machine, tmp_path: Path) -> None:
    machine.programs = {"prometheus": "/opt/p/prometheus", "promtool": "/opt/t/promtool"}
    programs = machine.finder(tmp_path / "bin").find()
    assert programs["prometheus"] == Path("/opt/p/prometheus")
    assert directories(programs) == ["/opt/p", "/opt/t"]
    assert machine.commands == ["/opt/p/prometheus --version"]


def test_apt_installs_it_without_starting_its_service(machine: Machine, tmp_path: Path) -> None:
    machine.programs, machine.answers = {"apt-get": "/usr/bin/apt-get"}, APT_HAS_IT
    (machine.root / "run/systemd/system").mkdir(parents=True)
    programs = machine.finder(tmp_path / "bin").find()
    assert programs["promtool"] == Path("/usr/bin/promtool")
    assert directories(programs) == ["/usr/bin"]
    assert machine.ran("env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus")
    assert machine.policy_during_install is not None
    assert "exit 101" in machine.policy_during_install
    assert not (machine.root / "usr/sbin/policy-rc.d").exists()
    assert machine.ran("systemctl disable --now prometheus.service")
    assert not machine.ran("sudo")
    assert not machine.ran("apt-get update")


def test_without_systemd_no_systemctl_is_run(machine: Machine, tmp_path: Path) -> None:
    machine.programs, machine.answers = {"apt-get": "/usr/bin/apt-get"}, APT_HAS_IT
    machine.finder(tmp_path / "bin").find()
    assert machine.ran("update-rc.d prometheus disable")
    assert not machine.ran("systemctl")


def test_a_policy_of_the_administrator_stays_as_it_is(machine: Machine, tmp_path: Path) -> None:
    machine.programs, machine.answers = {"apt-get": "/usr/bin/apt-get"}, APT_HAS_IT
    policy = machine.root / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text("theirs")
    machine.finder(tmp_path / "bin").find()
    assert policy.read_text() == "theirs"


def test_a_failed_installation_leaves_no_policy_behind(machine: Machine, tmp_path: Path) -> None:
    machine.programs = {"apt-get": "/usr/bin/apt-get"}
    machine.answers = APT_HAS_IT | {"apt-get install": (100, "E: dpkg was interrupted\n")}
    with pytest.raises(ProgramUnavailable, match="apt-get install failed: E: dpkg was interrupted"):
        machine.finder(tmp_path / "bin").find()
    assert not (machine.root / "usr/sbin/policy-rc.d").exists()


def test_package_lists_are_read_when_apt_does_not_know_the_package(machine: Machine, tmp_path: Path) -> None:
    machine.programs, machine.answers = {"apt-get": "/usr/bin/apt-get"}, NOT_IN_APT
    with pytest.raises(ProgramUnavailable, match="apt knows no package prometheus"):
        machine.finder(tmp_path / "bin").find()
    assert machine.ran("apt-get update -qq")
    assert not machine.ran("apt-get install")


def test_apt_with_an_older_version_is_not_used(machine: Machine, tmp_path: Path) -> None:
    machine.programs = {"apt-get": "/usr/bin/apt-get"}
    machine.answers = {"apt-cache": (0, "  Candidate: 1:2.31.2+ds1-1ubuntu1\n")}
    with pytest.raises(ProgramUnavailable, match=r"apt has Prometheus 2\.31, older than 2\.42"):
        machine.finder(tmp_path / "bin").find()
    assert not machine.ran("apt-get install")


def test_sudo_is_used_where_it_asks_for_no_password(machine: Machine, tmp_path: Path) -> None:
    machine.programs, machine.answers = {"apt-get": "/usr/bin/apt-get", "sudo": "/usr/bin/sudo"}, APT_HAS_IT
    machine.finder(tmp_path / "bin", is_root=False).find()
    changing = [command for command in machine.commands if "policy-rc.d" in command or "apt-get" in command]
    assert len(changing) == 3
    assert machine.ran("sudo -n update-rc.d")
    assert all(command.startswith("sudo -n ") for command in changing)


@pytest.mark.parametrize("programs", [{}, {"sudo": "/usr/bin/sudo"}], ids=["no sudo", "sudo wants a password"])
def test_without_root_apt_is_left_alone(machine: Machine, tmp_path: Path, programs: Mapping[str, str]) -> None:
    machine.programs = {"apt-get": "/usr/bin/apt-get", **programs}
    machine.answers = APT_HAS_IT | {"sudo -n true": (1, "sudo: a password is required")}
    with pytest.raises(ProgramUnavailable, match="apt-get needs root"):
        machine.finder(tmp_path / "bin", is_root=False).find()
    assert not machine.ran("apt-get")


def test_apt_installs_the_other_engine_in_the_same_way(machine: Machine, tmp_path: Path) -> None:
    """Debian's build says nothing of its version: its package does."""
    machine.programs = {"apt-get": "/usr/bin/apt-get"}
    machine.answers = {
        "apt-cache policy victoria-metrics": (0, "  Candidate: 1.79.5+ds1-2+b5\n"),
        "-version": (0, "\n"),
        "dpkg-query --show --showformat=${Version} victoria-metrics": (0, "1.79.5+ds1-2+b5"),
    }
    programs = machine.finder(tmp_path / "bin", product=VICTORIA_METRICS).find()
    assert programs == {"victoria-metrics": Path("/usr/bin/victoria-metrics")}
    assert machine.policy_during_install is not None
    assert machine.ran("update-rc.d victoria-metrics disable")


def test_apt_installs_compose(machine: Machine, tmp_path: Path) -> None:
    machine.programs = {"apt-get": "/usr/bin/apt-get"}
    machine.answers = {
        "apt-cache policy docker-compose": (0, "  Candidate: 1.29.2-3\n"),
        "docker-compose version": (0, "docker-compose version 1.29.2, build unknown\ndocker-py version: 5.0.3\n"),
    }
    programs = machine.finder(tmp_path / "bin", product=DOCKER_COMPOSE).find()
    assert programs == {"docker-compose": Path("/usr/bin/docker-compose")}


def test_a_compose_that_is_too_old_is_passed_over(machine: Machine, tmp_path: Path) -> None:
    machine.programs = {"docker-compose": "/opt/docker-compose"}
    machine.answers = {"/opt/docker-compose version": (0, "docker-compose version 1.25.0, build unknown\n")}
    with pytest.raises(ProgramUnavailable):
        machine.finder(tmp_path / "bin", product=DOCKER_COMPOSE).find()
    assert "/opt/docker-compose is version 1.25, older than 1.29: not used" in machine.said


def test_brew_installs_it_on_macos(machine: Machine, tmp_path: Path) -> None:
    machine.programs = {"brew": "/opt/homebrew/bin/brew"}
    machine.finder(tmp_path / "bin", system="Darwin", is_root=False).find()
    assert machine.ran("brew install --quiet prometheus")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((0, "prometheus, version 2.24.1+ds"), "is version 2.24, older than 2.42: not used"),
        ((127, "cannot execute"), "does not say its version: not used"),
    ],
)
def test_one_on_path_that_will_not_do_is_passed_over(
    machine: Machine, tmp_path: Path, answer: tuple[int, str], said: str
) -> None:
    machine.programs = {"prometheus": "/opt/prometheus", "promtool": "/opt/promtool"}
    machine.answers = {"--version": answer}
    with pytest.raises(ProgramUnavailable):
        machine.finder(tmp_path / "bin").find()
    assert f"/opt/prometheus {said}" in machine.said


def test_all_that_was_tried_is_said_in_one_line(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(ProgramUnavailable) as raised:
        machine.finder(tmp_path / "bin", system="Plan9").find()
    text = str(raised.value)
    assert "\n" not in text
    assert "no package manager" in text
    assert "no official Prometheus release for Plan9 on x86_64" in text
    assert "put `prometheus` and `promtool` 2.42 or newer on PATH" in text


# --- the official release -------------------------------------------------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving(directory: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(directory))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def publish(
    directory: Path,
    programs: Sequence[str] = ("prometheus-9.9.9.linux-amd64/prometheus", "prometheus-9.9.9.linux-amd64/promtool"),
    checksum: str = "",
    archive: str = ARCHIVE,
    checksums: str = "sha256sums.txt",
    says: str = "prometheus, version 9.9.9 (branch: HEAD)",
) -> None:
    """A release as GitHub has it; the programs are scripts that say a version."""
    script = f"#!/bin/sh\necho '{says}'\n".encode()
    (directory / "v9.9.9").mkdir(parents=True)
    with tarfile.open(directory / "v9.9.9" / archive, "w:gz") as tar:
        for name in (*programs, "LICENSE"):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(script), 0o600
            tar.addfile(member, io.BytesIO(script))
    digest = checksum or hashlib.sha256((directory / "v9.9.9" / archive).read_bytes()).hexdigest()
    sums = f"{'0' * 64}  prometheus-9.9.9.darwin-amd64.tar.gz\n{digest}  {archive}\n"
    (directory / "v9.9.9" / checksums).write_text(sums)


def test_a_release_is_downloaded_checked_and_found_again(machine: Machine, tmp_path: Path) -> None:
    publish(tmp_path / "releases")
    with serving(tmp_path / "releases") as url:
        installed = machine.finder(tmp_path / "bin", url=url).find()
    assert run_quietly([str(installed["prometheus"]), "--version"]).stdout.startswith("prometheus, version 9.9.9")
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == ["prometheus", "promtool"]
    assert any("100 %" in line for line in machine.said)
    # The server is gone: the second time nothing is downloaded.
    assert machine.finder(tmp_path / "bin").find() == installed


@pytest.mark.parametrize(
    ("programs", "checksum", "error"),
    [
        (("x/prometheus", "x/promtool"), "f" * 64, "does not match its release's sha256sums.txt"),
        (("x/prometheus",), "", "is not a Prometheus release"),
    ],
    ids=["wrong checksum", "no promtool inside"],
)
def test_a_bad_release_leaves_nothing(
    machine: Machine, tmp_path: Path, programs: Sequence[str], checksum: str, error: str
) -> None:
    publish(tmp_path / "releases", programs, checksum)
    with serving(tmp_path / "releases") as url, pytest.raises(ProgramUnavailable, match=error):
        machine.finder(tmp_path / "bin", url=url).find()
    assert list((tmp_path / "bin").iterdir()) == []


def test_a_release_of_another_product_has_other_names(machine: Machine, tmp_path: Path) -> None:
    publish(
        tmp_path / "releases",
        ("victoria-metrics-prod",),
        archive="victoria-metrics-linux-amd64-v9.9.9.tar.gz",
        checksums="victoria-metrics-linux-amd64-v9.9.9_checksums.txt",
        says="victoria-metrics-20300101-000000-tags-v9.9.9-0-g0123456789",
    )
    machine.answers = {"dpkg-query": (1, "no packages found"), "-version": (0, "…-tags-v9.9.9-0-g0123456789")}
    with serving(tmp_path / "releases") as url:
        installed = machine.finder(tmp_path / "bin", url=url, product=VICTORIA_METRICS).find()
    assert installed == {"victoria-metrics": tmp_path / "bin/victoria-metrics"}
    assert "tags-v9.9.9" in run_quietly([str(installed["victoria-metrics"]), "-version"]).stdout


def publish_compose(directory: Path, checksum: str = "") -> None:
    """A release whose files are programs, not archives; its list of checksums marks them as binary."""
    program = b"#!/bin/sh\necho 'Docker Compose version v9.9.9'\n"
    name = "docker-compose-linux-x86_64"
    (directory / "v9.9.9").mkdir(parents=True)
    (directory / "v9.9.9" / name).write_bytes(program)
    sums = f"{checksum or hashlib.sha256(program).hexdigest()} *{name}\n"
    (directory / "v9.9.9/checksums.txt").write_text(f"{'0' * 64} *docker-compose-darwin-aarch64\n{sums}")


def test_a_release_may_be_the_program_itself(machine: Machine, tmp_path: Path) -> None:
    publish_compose(tmp_path / "releases")
    machine.answers = {"docker-compose version": (0, "Docker Compose version v9.9.9")}
    with serving(tmp_path / "releases") as url:
        installed = machine.finder(tmp_path / "bin", url=url, product=DOCKER_COMPOSE).find()
    assert installed == {"docker-compose": tmp_path / "bin/docker-compose"}
    assert list((tmp_path / "bin").iterdir()) == [tmp_path / "bin/docker-compose"]
    assert run_quietly([str(installed["docker-compose"]), "version"]).stdout == "Docker Compose version v9.9.9\n"


def test_a_program_with_another_checksum_is_not_used(machine: Machine, tmp_path: Path) -> None:
    publish_compose(tmp_path / "releases", "f" * 64)
    with (
        serving(tmp_path / "releases") as url,
        pytest.raises(ProgramUnavailable, match=r"docker-compose-linux-x86_64 does not match its release's checksums"),
    ):
        machine.finder(tmp_path / "bin", url=url, product=DOCKER_COMPOSE).find()
    assert list((tmp_path / "bin").iterdir()) == []


def test_a_release_that_does_not_name_this_platform(machine: Machine, tmp_path: Path) -> None:
    publish(tmp_path / "releases")
    (tmp_path / "releases/v9.9.9/sha256sums.txt").write_text(f"{'0' * 64}  something-else.tar.gz\n")
    with serving(tmp_path / "releases") as url, pytest.raises(ProgramUnavailable, match="does not name"):
        machine.finder(tmp_path / "bin", url=url).find()


def test_a_server_without_the_release(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    with (
        serving(tmp_path / "releases") as url,
        pytest.raises(ProgramUnavailable, match=r"sha256sums\.txt answered 404"),
    ):
        machine.finder(tmp_path / "bin", url=url).find()


def test_no_server_at_all(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(ProgramUnavailable, match="cannot be reached"):
        machine.finder(tmp_path / "bin").find()


@pytest.mark.parametrize(
    ("product", "system", "machine_name", "name"),
    [
        (PROMETHEUS, "Linux", "x86_64", "prometheus-3.5.0.linux-amd64.tar.gz"),
        (PROMETHEUS, "Linux", "armv7l", "prometheus-3.5.0.linux-armv7.tar.gz"),
        (PROMETHEUS, "Darwin", "arm64", "prometheus-3.5.0.darwin-arm64.tar.gz"),
        (VICTORIA_METRICS, "Linux", "aarch64", "victoria-metrics-linux-arm64-v1.79.14.tar.gz"),
        (VICTORIA_METRICS, "Linux", "armv7l", "victoria-metrics-linux-arm-v1.79.14.tar.gz"),
        (DOCKER_COMPOSE, "Linux", "x86_64", "docker-compose-linux-x86_64"),
        (DOCKER_COMPOSE, "Linux", "armv7l", "docker-compose-linux-armv7"),
        (DOCKER_COMPOSE, "Darwin", "arm64", "docker-compose-darwin-aarch64"),
    ],
)
def test_names_of_archives(product: Product, system: str, machine_name: str, name: str) -> None:
    assert product.published.file_name(product.published.archive, system, machine_name) == name


def test_what_a_failed_command_died_of() -> None:
    assert last_line(Completed([], 1, "out\n", "first\nlast\n\n")) == "last"
    assert last_line(Completed([], 1, "out\n", "")) == "out"
    assert last_line(Completed([], 3, "", "")) == "exit code 3 without a word"
    assert "No such file" in last_line(run_quietly(["/nonexistent/program"]))
