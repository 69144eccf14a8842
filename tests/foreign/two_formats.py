"""One client holds sealed and interop types. The official SDKs see the interop ones, and nothing of the others.

Run by `run.py`, or alone: `pytest tests/foreign/two_formats.py`, with what `cross_read.py` needs. What is refused, and
how, stands in docs/formats/sealed.md, section 18.
"""

import uuid

import pytest

from clients import JavaScript, NotFound, Python, Rust

NAMES = ["python", "javascript"]
SEALED_WORDS = {"word": "sealed", "other": "ünïcode ✓"}
REFUSED = "409"


@pytest.fixture(scope="module")
def sdks():
    javascript, rust = JavaScript(), Rust()
    yield {"python": Python(), "javascript": javascript, "rust": rust}
    javascript.close()
    rust.close()


class Holder:
    """Two clients that an official SDK registered. Ours has sealed a type of the first, and shared it with the second."""

    def __init__(self, sdk, rust):
        self.sdk, self.rust = sdk, rust
        self.own, self.reader = (sdk.register(f"two formats, {role}") for role in ("owner", "reader"))
        self.sealed_type, self.interop_type = (f"{stem}-{uuid.uuid4()}" for stem in ("sealed", "interop"))
        self.sealed = rust.sealed_write(self.own, self.sealed_type, SEALED_WORDS)
        rust.sealed_share(self.own, self.sealed_type, rust.contact(self.reader))
        self.interop = sdk.write(self.own, self.interop_type, {"word": "interop"}, {"city": "Zürich"}).id
        sdk.share(self.own, self.interop_type, self.reader["client_id"])

    def everybody(self):
        return (self.own, self.reader)


@pytest.fixture(scope="module", params=NAMES)
def holder(request, sdks):
    return Holder(sdks[request.param], sdks["rust"])


def test_both_read_the_interop_type_as_ever(holder):
    for credentials in holder.everybody():
        assert holder.sdk.read(credentials, holder.interop).data == {"word": "interop"}
        found = holder.sdk.list(credentials, "all", holder.interop_type)
        assert [record.id for record in found] == [holder.interop]
    holder.sdk.update(holder.own, holder.interop, {"word": "changed"})
    assert holder.sdk.read(holder.reader, holder.interop).data == {"word": "changed"}
    holder.sdk.update(holder.own, holder.interop, {"word": "interop"})


def test_sealed_records_are_in_no_reading_or_listing(holder):
    for credentials in holder.everybody():
        with pytest.raises(NotFound):
            holder.sdk.read(credentials, holder.sealed)
        assert holder.sdk.list(credentials, "all", holder.sealed_type) == []
        # Whatever its type.
        assert [record.id for record in holder.sdk.list_all(credentials)] == [holder.interop]


def test_searches_by_terms_find_none(holder, sdks):
    # The JavaScript SDK asks for the client of either.
    for credentials in holder.everybody():
        found = sdks["javascript"].search(credentials, [holder.sealed_type, holder.interop_type])
        assert [record.id for record in found] == [holder.interop]


def test_shares_name_the_interop_type_alone(holder):
    def types(shares):
        return {share["type"] for share in shares}

    assert types(holder.sdk.outgoing(holder.own)) == {holder.interop_type}
    assert types(holder.sdk.incoming(holder.reader)) == {holder.interop_type}


@pytest.mark.parametrize("change", ["write", "share", "revoke"])
def test_changes_of_a_sealed_type_are_refused(holder, change):
    attempt = {
        "write": lambda: holder.sdk.write(holder.own, holder.sealed_type, {"word": "no"}, {}),
        "share": lambda: holder.sdk.share(holder.own, holder.sealed_type, holder.reader["client_id"]),
        "revoke": lambda: holder.sdk.revoke(holder.own, holder.sealed_type, holder.reader["client_id"]),
    }[change]
    with pytest.raises(Exception) as refused:  # each SDK has errors of its own
        attempt()
    text = str(refused.value)
    assert REFUSED in text or "Conflict" in text or "is sealed" in text, text
    for credentials in holder.everybody():
        assert holder.rust.sealed_read(credentials, holder.own, holder.sealed_type, holder.sealed) == SEALED_WORDS


def test_a_type_begun_by_an_official_client_is_not_sealed_any_more(holder):
    with pytest.raises(RuntimeError):
        holder.rust.sealed_write(holder.own, holder.interop_type, SEALED_WORDS)
    assert holder.sdk.read(holder.own, holder.interop).data == {"word": "interop"}


def test_a_name_that_is_sealed_for_one_writer_is_free_for_another(holder):
    written = holder.sdk.write(holder.reader, holder.sealed_type, {"word": "mine"}, {})
    assert holder.sdk.read(holder.reader, written.id).data == {"word": "mine"}
    # Beside it the other's is still there.
    assert holder.rust.sealed_read(holder.reader, holder.own, holder.sealed_type, holder.sealed) == SEALED_WORDS
