"""Finding a function by its folder, and the table a person sees."""

import pytest

from infra.local import calls, demo
from infra.local.trouble import Trouble

FACTS = {
    "functions": {"admin_http": "holdfast-local-admin_http"},
    "pages": {"shop": "http://127.0.0.1:8787/shop/demo"},
    "api_url": "http://127.0.0.1:8787/v1",
    "shop": "demo",
    "emulator_url": "http://127.0.0.1:4566",
    "admin_key": "hf_secret",
}


def test_a_function_is_known_by_its_folder_and_by_its_deployed_name() -> None:
    assert calls.resolve(FACTS, "admin_http") == "holdfast-local-admin_http"
    assert calls.resolve(FACTS, "holdfast-local-admin_http") == "holdfast-local-admin_http"


def test_an_unknown_function_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Trouble, match="admin_http"):
        calls.resolve(FACTS, "storefront")


def test_the_table_has_every_link_and_the_key() -> None:
    table = demo.table(FACTS)
    assert "http://127.0.0.1:8787/shop/demo" in table
    assert "http://127.0.0.1:8787/v1/shops/demo/products" in table
    assert "hf_secret" in table


def test_a_structured_log_line_is_made_readable() -> None:
    line = '{"level":"ERROR","location":"x:1","message":"refused","timestamp":"t","service":"s","order":"ord_1","exception":"T\\nBoom"}'
    assert calls.readable(line) == "ERROR   refused  order=ord_1\n    T\n    Boom"


@pytest.mark.parametrize("line", ["plain text", "[1, 2]", '{"no": "text"}'])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert calls.readable(line) == line
