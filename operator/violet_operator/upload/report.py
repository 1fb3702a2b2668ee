"""Writing a status and its events: the one place where the upload flow writes to its own object."""

from __future__ import annotations

import copy
import logging

from violet_operator.api import API_VERSION
from violet_operator.clients.kube import PACKAGE_UPLOADS
from violet_operator.errors import OperatorError
from violet_operator.upload.context import Upload
from violet_operator.upload.status import transitions

logger = logging.getLogger(__name__)


async def write(upload: Upload) -> bool:
    """Write the status if it differs from the last one written, and the events that go with it; whether that worked.

    Bound to the object's uid, so that a new object of the same name never gets the old one's status. A failure is
    logged and left to the next write: a status is not worth stopping the work it describes.
    """
    async with upload.writing:
        return await _write(upload)


async def _write(upload: Upload) -> bool:
    last, now = upload.status.last, copy.deepcopy(upload.status.to_api())
    if now == last:
        return True
    try:
        await upload.env.kube.write_status(PACKAGE_UPLOADS, upload.body, now)
        upload.status.last = now
        for warning, reason, message in transitions(last.get("conditions", []), now["conditions"]):
            await tell(upload, reason, message, warning=warning)
    except OperatorError as error:
        logger.warning("PackageUpload %s/%s: status not written: %s", upload.namespace, upload.name, error.message)
    return upload.status.last == now


async def tell(upload: Upload, reason: str, message: str, *, warning: bool = False) -> None:
    """Record an event about the object, and a line in the log.

    Raises:
        OperatorError: the API does not take it.
    """
    level = logging.WARNING if warning else logging.INFO
    logger.log(level, "PackageUpload %s/%s: %s: %s", upload.namespace, upload.name, reason, message)
    about = upload.body | {"apiVersion": API_VERSION, "kind": "PackageUpload"}
    await upload.env.kube.event(about, warning=warning, reason=reason, message=message, now=upload.env.clock())
