"""What a type of package needs to get to its clusters: the interface between the upload flow and the types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from violet_operator.clients.kube import Kube
from violet_operator.publication.apply import Piece, compare_all

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a cluster says of what was published there.

    Attributes:
        installable: whether users of the cluster can install it now.
        said: the cluster's own words, for people; "ArtifactVersion x: Pending, ...".
        rejected: whether the platform says that it will not have it.
        advice: where to look, should it stay like that.
    """

    installable: bool
    said: str
    rejected: bool = False
    advice: str = ""


class Publisher(Protocol):
    """One package, for the clusters of one platform."""

    @property
    def pieces(self) -> Sequence[Piece]:
        """The objects to apply on each cluster, the owner of the others first; none where the platform makes them."""
        ...

    @property
    def objects(self) -> Sequence[JsonObject]:
        """The objects on each cluster, as a status lists them."""
        return [piece.about() for piece in self.pieces]

    async def compare(self, kube: Kube) -> list[JsonObject]:
        """What publishing would do with each of them: its `action` is Create, Change or Keep. Reads only.

        Raises:
            OperatorError: the cluster refuses to be read.
        """
        return await compare_all(kube, self.pieces)

    async def prepare(self, kube: Kube) -> None:
        """Look whether the cluster has what the objects refer to: before they are written, and before they are awaited.

        Raises:
            OperatorError: it has not.
        """
        ...

    async def standing(self, kube: Kube, live: Sequence[JsonObject]) -> Standing:
        """What the cluster says, `live` being the objects as last seen, one for each piece.

        Raises:
            OperatorError: it cannot be asked.
        """
        ...
