"""docs/deploy.md says what the template says."""

import re

from tests.infra.template_world import ENVIRONMENTS, ROOT, configured, sources, world

PAGE = (ROOT / "docs" / "deploy.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (?:`(.+?)`)? ?\| (.+) \|$", re.MULTILINE)


def test_each_parameter_is_explained() -> None:
    written = sources().root["Parameters"]
    expected = [(name, str(rule.get("Default", "")), rule["Description"]) for name, rule in written.items()]
    assert ROW.findall(PAGE) == expected


def test_alarms_are_counted_right() -> None:
    alarms = world(configured("prod")).resources("AWS::CloudWatch::Alarm")
    assert f"| {len(alarms)} alarms at 0.10 USD" in PAGE
    assert f"| {len(alarms) / 10:.2f} USD |" in PAGE


def test_names_stay_within_lambdas_limit() -> None:
    longest = max(len(function["FunctionName"].removeprefix("holdfast-")) for function in world(configured("local")).functions().values())
    assert 38 + 1 + longest <= 64
    assert "at most 38 characters" in PAGE


def test_decisions_are_dated_and_numbered() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for page in pages:
        text = page.read_text()
        assert re.match(rf"# 0*{int(page.name[:4])}\.? ", text), page.name
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", text[:400]), page.name
    assert len({page.name[:4] for page in pages}) == len(pages)


def test_the_environments_are_the_templates() -> None:
    assert sources().root["Parameters"]["Environment"]["AllowedValues"] == ENVIRONMENTS
