import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store.records import InvalidPageToken, RecordExists, Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "engine.db")
    yield store
    store.close()


def test_a_record_is_there_after_a_restart(tmp_path):
    store = Store(tmp_path / "engine.db")
    store.insert("model", "m", {"a": 1}, arn="arn:m", now=1.0)
    store.close()
    again = Store(tmp_path / "engine.db")
    assert again.get("model", "m") == {"a": 1}
    assert again.find_by_arn("arn:m") == ("model", "m", {"a": 1})
    again.close()


def test_a_name_is_taken_once_even_by_twenty_at_a_time(store):
    outcomes = []

    def insert(i):
        try:
            store.insert("model", "m", {"by": i}, arn="arn:m", now=1.0)
            outcomes.append(i)
        except RecordExists:
            pass

    threads = [threading.Thread(target=insert, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert store.get("model", "m") == {"by": outcomes[0]}


def test_updates_from_many_threads_are_not_lost(store):
    store.insert("counter", "c", {"n": 0}, arn=None, now=1.0)

    def add(body):
        body["n"] += 1

    threads = [threading.Thread(target=lambda: [store.update("counter", "c", add, now=2.0) for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("counter", "c") == {"n": 80}


def test_a_failed_transaction_leaves_nothing(store):
    with pytest.raises(RuntimeError), store.transaction():
        store.insert("model", "m", {}, arn="arn:m", now=1.0)
        raise RuntimeError
    assert store.get("model", "m") is None


def test_deleting_a_record_takes_its_tags_and_edges_along(store):
    store.insert("artifact", "a", {}, arn="arn:a", now=1.0)
    store.add_tags("arn:a", {"k": "v"})
    store.add_association("arn:a", "arn:b", "Produced", now=1.0)
    assert store.delete("artifact", "a")
    assert store.read_tags("arn:a") == {}
    assert store.list_associations(source="arn:a") == []
    assert not store.delete("artifact", "a")


def test_a_token_of_somebody_else_is_refused(store):
    for token in ("x", "e30=", "W251bGwsbnVsbF0="):
        with pytest.raises(InvalidPageToken):
            store.read_page("model", token=token)


@settings(max_examples=30, deadline=None)
@given(
    times=st.lists(st.integers(0, 5), max_size=30),
    limit=st.integers(1, 7),
    sort=st.sampled_from(["created", "name", "status"]),
    descending=st.booleans(),
)
def test_pages_hold_every_record_once_and_in_order(tmp_path_factory, times, limit, sort, descending):
    store = Store(tmp_path_factory.mktemp("store") / "engine.db")
    for i, at in enumerate(times):
        name = f"m{i:02}"
        store.insert("model", name, {"name": name, "created": at, "status": str(at % 2)}, arn=name, now=float(at), status=str(at % 2))
    seen, token = [], None
    while True:
        bodies, token = store.read_page("model", sort=sort, descending=descending, limit=limit, token=token)
        seen += bodies
        if token is None:
            break
    expected = sorted(seen, key=lambda b: (b[sort], b["name"]), reverse=descending)
    assert seen == expected
    assert len(seen) == len(times)
    store.close()
