"""A package's Helm chart: is it in the chart repository of each platform, and getting it there.

A chart belongs to what is published, as it makes an object on the platform: `skipResources` leaves it out.
"""

from __future__ import annotations

from violet_operator.api.conditions import PUSHED
from violet_operator.errors import Stalled, Transient
from violet_operator.support.digests import digest_hex
from violet_operator.upload.chart_backends import chart_backend
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.targets import each_platform


async def chart_in_place(upload: Upload) -> bool:
    """Whether every platform still in has the chart, as far as they tell; True where there is none to be had."""
    if (chart := _chart(upload)) is None:
        return True
    lacking: set[str] = set()

    async def look(name: str) -> None:
        found = await (await chart_backend(upload, upload.connections[name])).find()
        if found not in ("", digest_hex(chart["digest"])):
            lacking.add(name)

    await each_platform(upload, PUSHED, look)
    return not lacking


async def survey(upload: Upload) -> None:
    """Find out where the chart has to be uploaded; sets `chart_due`.

    A platform drops out whose repository fails, or has that version with other content that must not be replaced.
    """
    chart = _chart(upload)

    async def look(name: str) -> None:
        assert chart is not None
        found = await (await chart_backend(upload, upload.connections[name])).find()
        replace = upload.spec.overwrite == "IfDifferent"
        if found == digest_hex(chart["digest"]) or (found == "" and not replace):
            return
        if found and not replace and not upload.preview:
            raise _exists(upload, chart)
        upload.chart_due.add(name)

    if chart is not None:
        await each_platform(upload, PUSHED, look)


async def deliver(upload: Upload, platform: str) -> None:
    """Upload the chart to a platform where it is due.

    Raises:
        OperatorError: it does not take it.
    """
    chart, opened = _chart(upload), upload.opened
    if chart is None or platform not in upload.chart_due:
        return
    assert opened is not None
    assert opened.package.chart is not None
    backend = await chart_backend(upload, upload.connections[platform])
    member, replace = opened.package.chart.member, upload.spec.overwrite == "IfDifferent"
    if await backend.put(opened.archive, member, force=replace):
        return
    found = await backend.find()  # somebody was faster, or it was there without being listed
    if found is None:
        raise _unlisted(upload, chart)
    if found not in ("", digest_hex(chart["digest"])):
        raise _exists(upload, chart)


def delivered(upload: Upload) -> str:
    """A sentence on where the chart is; empty where there is none to upload."""
    if (chart := _chart(upload)) is None:
        return ""
    return f" Chart {chart['name']} {chart['version']} is in chart repository {upload.spec.chart_repository}."


def _chart(upload: Upload) -> JsonObject | None:
    """Name, version and digest of the chart; None where there is none to upload."""
    chart: JsonObject | None = upload.status.facts["package"].get("chart")
    return None if upload.spec.skip_resources else chart


def _exists(upload: Upload, chart: JsonObject) -> Stalled:
    return Stalled(
        "ChartExists",
        f"Chart repository {upload.spec.chart_repository} has {chart['name']} {chart['version']} with other content. "
        "Set spec.overwrite: IfDifferent to replace it, or delete it there.",
    )


def _unlisted(upload: Upload, chart: JsonObject) -> Transient:
    return Transient(
        "ChartsUnavailable",
        f"Chart repository {upload.spec.chart_repository} has {chart['name']} {chart['version']} in its storage, but "
        "does not list it. If that stays so: restart ChartMuseum, which then reads its storage anew, or set "
        "spec.overwrite: IfDifferent.",
    )
