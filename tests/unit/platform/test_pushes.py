"""What uploads want and a cleanup asks: nobody deletes between an upload's look and its status."""

import threading

import pytest

from violet_operator.errors import Transient
from violet_operator.platform.pushes import Pushes
from violet_operator.support.digests import Digest

IMAGE = ("acp/demo", Digest(f"sha256:{'a' * 64}"))
OTHER = ("acp/demo", Digest(f"sha256:{'b' * 64}"))


def test_what_is_wanted_before_or_during_a_watch_stays_though_the_upload_has_ended_by_then() -> None:
    pushes = Pushes()
    pushes.begin("one", frozenset({IMAGE}))
    with pushes.watch() as watch:
        pushes.begin("two", frozenset({OTHER}))
        pushes.end("one")
        pushes.end("two")
        for wanted in (IMAGE, OTHER):
            with pytest.raises(Transient, match="acp/demo@sha256"), watch.deleting(*wanted):
                pass
    with pushes.watch() as watch:
        for wanted in (IMAGE, OTHER):
            with watch.deleting(*wanted):
                pass


def test_all_platforms_of_an_upload_count_and_another_repository_does_not() -> None:
    pushes = Pushes()
    pushes.begin("one", frozenset({IMAGE}))
    pushes.begin("one", frozenset({OTHER}))
    with pushes.watch() as watch:
        with pytest.raises(Transient), watch.deleting(*IMAGE):
            pass
        with watch.deleting("mirror/acp/demo", IMAGE[1]):
            pass


def test_an_upload_does_not_look_while_a_deletion_is_under_way() -> None:
    pushes = Pushes()
    upload = threading.Thread(target=pushes.begin, args=("one", frozenset({IMAGE})))
    with pushes.watch() as watch:
        with watch.deleting(*IMAGE):
            upload.start()
            upload.join(0.2)
            assert upload.is_alive()
        upload.join()
        with pytest.raises(Transient), watch.deleting(*IMAGE):
            pass
