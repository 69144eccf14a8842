"""Every SDK writes; every SDK reads, changes, shares and revokes what the others wrote.

Run by `run.py`, or alone: `pytest tests/foreign/cross_read.py` with API_URL, REGISTRATION_TOKEN, TOZSTORE (the binary)
and NODE_PATH (a folder with the npm package) set.
"""

import itertools
import uuid

import pytest

from clients import JavaScript, NotFound, Python, Rust

NAMES = ["python", "javascript", "rust"]
PAIRS = list(itertools.product(NAMES, NAMES))
TRIPLES = list(itertools.product(NAMES, NAMES, NAMES))
# The Python package has no groups.
GROUP_TRIPLES = list(itertools.product(NAMES[1:], NAMES[1:], NAMES[1:]))

FIELDS = {
    "plain text": {"name": "Ada Lovelace", "phone": "555-0100"},
    "empty": {"empty": "", "other": "x"},
    "unicode": {"latin": "Größe àéî", "cjk": "暗号化", "emoji": "👩‍👩‍👧‍👦🔐", "combining": "e\u0301", "rtl": "שלום"},
    "quotes": {"double": '"quoted"', "single": "it's", "backslash": "C:\\new\\table", "markup": "<a href='#'>&amp;</a>"},
    "white space": {"lines": "one\ntwo\r\nthree\n", "tabs": "\ta\t", "spaces": "  both ends  "},
    "control": {"bell": "a\u0007b", "escape": "\u001b[31mred", "separators": "a\u2028b\u2029c", "last": "\u007f\uffff"},
    "like ciphertext": {"dots": "a.b.c.d", "json": '{"a": [1, null]}', "zero": "0", "null": "null"},
    "names": {"naïve name": "1", 'with "quotes"': "2", "with.dots": "3", "UPPER": "4", "": "5"},
    "100 kB": {"large": "0123456789abcdeé" * 6250},
    "many fields": {f"field {number}": str(number) for number in range(60)},
}
PLAIN = {"city": "Zürich", "quote": '"', "empty": "", "equals": "a=b"}


@pytest.fixture(scope="module")
def sdks():
    javascript, rust = JavaScript(), Rust()
    yield {"python": Python(), "javascript": javascript, "rust": rust}
    javascript.close()
    rust.close()


@pytest.fixture(scope="module")
def registered(sdks):
    """Two clients from each SDK: credentials in the official JSON format."""
    return {
        name: {role: sdks[name].register(f"{name} {role}") for role in ("writer", "reader")} for name in NAMES
    }


def new_type(stem):
    """A record type that no other test uses."""
    return f"{stem}-{uuid.uuid4()}"


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_what_one_writes_another_reads_with_the_same_credentials(sdks, registered, writer, reader, case):
    credentials = registered[writer]["writer"]
    record_type = new_type("cross")
    written = sdks[writer].write(credentials, record_type, FIELDS[case], PLAIN)

    for found in (
        sdks[reader].read(credentials, written.id),
        *sdks[reader].list(credentials, None, record_type),
    ):
        assert found.id == written.id
        assert found.data == FIELDS[case]
        assert found.plain == PLAIN


@pytest.mark.parametrize(("registrar", "writer", "reader"), TRIPLES)
def test_credentials_of_any_sdk_serve_every_sdk(sdks, registered, registrar, writer, reader):
    credentials = registered[registrar]["writer"]
    written = sdks[writer].write(credentials, new_type("credentials"), {"word": "hello"}, {})
    assert sdks[reader].read(credentials, written.id).data == {"word": "hello"}


@pytest.mark.parametrize(("writer", "manager", "reader"), TRIPLES)
def test_what_one_writes_another_shares_and_revokes(sdks, registered, writer, manager, reader):
    """`writer` and `manager` act as one client, `reader` as another one."""
    ours, theirs = registered[writer]["writer"], registered[reader]["reader"]
    record_type = new_type("shared")
    before = sdks[writer].write(ours, record_type, FIELDS["unicode"], PLAIN)
    with pytest.raises(NotFound):
        sdks[reader].read(theirs, before.id)

    sdks[manager].share(ours, record_type, theirs["client_id"])
    after = sdks[writer].write(ours, record_type, FIELDS["quotes"], {})
    assert sdks[reader].read(theirs, before.id).data == FIELDS["unicode"]
    assert sdks[reader].read(theirs, after.id).data == FIELDS["quotes"]
    found = sdks[reader].list(theirs, "all", record_type)
    assert [record.id for record in found] == [before.id, after.id]
    assert [record.data for record in found] == [FIELDS["unicode"], FIELDS["quotes"]]

    sdks[manager].revoke(ours, record_type, theirs["client_id"])
    for record in (before, after):
        with pytest.raises(NotFound):
            sdks[reader].read(theirs, record.id)
    assert sdks[reader].list(theirs, "all", record_type) == []
    assert sdks[writer].read(ours, before.id).data == FIELDS["unicode"]


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_sharing_again_after_a_revocation_works(sdks, registered, writer, reader):
    ours, theirs = registered[writer]["writer"], registered[reader]["reader"]
    record_type = new_type("again")
    written = sdks[writer].write(ours, record_type, {"word": "hello"}, {})
    for _ in range(2):
        sdks[writer].share(ours, record_type, theirs["client_id"])
        assert sdks[reader].read(theirs, written.id).data == {"word": "hello"}
        sdks[writer].revoke(ours, record_type, theirs["client_id"])
        with pytest.raises(NotFound):
            sdks[reader].read(theirs, written.id)


@pytest.mark.parametrize(("writer", "editor", "reader"), TRIPLES)
def test_what_one_writes_another_changes(sdks, registered, writer, editor, reader):
    credentials = registered[writer]["writer"]
    written = sdks[writer].write(credentials, new_type("changed"), {"kept": "old", "changed": "old"}, PLAIN)
    sdks[editor].update(credentials, written.id, {"changed": "new ✓"})

    found = sdks[reader].read(credentials, written.id)
    assert found.data == {"kept": "old", "changed": "new ✓"}
    assert found.plain == PLAIN


@pytest.mark.parametrize(("creator", "manager", "member"), GROUP_TRIPLES)
def test_a_group_of_one_is_managed_by_another_and_read_by_a_third(sdks, registered, creator, manager, member):
    """`creator` lets `manager` in, and that one `member`: keys go from hand to hand."""
    first, second = registered[creator]["writer"], registered[manager]["reader"]
    third = sdks[member].register(f"{member} member")
    group = sdks[creator].create_group(first, new_type("group"))
    sdks[creator].add_to_group(first, group, second["client_id"], ["manage", "read", "share"])
    sdks[manager].add_to_group(second, group, third["client_id"], ["read"])
    words = {}
    for sdk, credentials in ((creator, first), (manager, second)):
        record_type = new_type("grouped")
        written = sdks[sdk].write(credentials, record_type, FIELDS["unicode"] | {"by": sdk}, PLAIN)
        sdks[sdk].share_with_group(credentials, group, record_type)
        words[written.id] = FIELDS["unicode"] | {"by": sdk}
    for sdk, credentials in ((creator, first), (manager, second), (member, third)):
        assert {found.id: found.data for found in sdks[sdk].group_records(credentials, group)} == words

    sdks[manager].remove_from_group(second, group, third["client_id"])
    with pytest.raises((NotFound, RuntimeError)):
        assert sdks[member].group_records(third, group)
    assert {found.id for found in sdks[manager].group_records(second, group)} == set(words)
