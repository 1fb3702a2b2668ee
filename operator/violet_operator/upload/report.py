"""Writing an upload's status: the one place where the upload flow writes to its own object."""

from __future__ import annotations

import copy
import logging

from violet_operator.api.conditions import Event
from violet_operator.clients.kube import PACKAGE_UPLOADS
from violet_operator.errors import OperatorError
from violet_operator.platform.report import finished, report
from violet_operator.upload.context import Upload
from violet_operator.upload.status import transitions

logger = logging.getLogger(__name__)


async def write(upload: Upload, *events: Event) -> bool:
    """Write the status if it differs from the last one written, and the events that go with it; whether that worked.

    `events` are told besides those of the transitions. A failure is logged and left to the next write: a status is not
    worth stopping the work it describes.
    """
    async with upload.writing:
        return await finished(_write(upload, events))


async def _write(upload: Upload, events: tuple[Event, ...]) -> bool:
    last, now = upload.status.last, copy.deepcopy(upload.status.to_api())
    if now == last and not events:
        return True
    told = [*transitions(last.get("conditions", []), now["conditions"]), *events]
    try:
        await report(upload.env, PACKAGE_UPLOADS, upload.body, now, told)
    except OperatorError as error:
        logger.warning("PackageUpload %s/%s: status not written: %s", upload.namespace, upload.name, error.message)
        return False
    upload.status.last = now
    return True
