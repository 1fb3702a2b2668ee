"""What went through the proxy, and which fault is due for it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

When = Callable[["Request"], bool]


@dataclass
class Request:
    """One request as recorded; ``status`` stays None when no response was begun."""

    method: str
    path: str  # with query, as sent
    headers: Mapping[str, str] = field(repr=False)  # hold credentials, so no failed assert shows them
    status: int | None = None
    bytes_in: int = 0  # of the request's body
    bytes_out: int = 0  # of the response's body
    cut: bool = False


@dataclass
class Fault:
    """One rule: it applies to requests that match until it has been used ``times`` (None: always)."""

    kind: Literal["cut-request", "cut-response", "answer", "delay"]
    when: When
    times: int | None
    after: int = 0
    seconds: float = 0
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Faults:
    """The rules in force; tests change them from another thread than the proxy's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a rule in force."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Lift all rules."""
        with self._lock:
            self._faults.clear()

    def take(self, kind: str, request: Request) -> Fault | None:
        """The first rule of this kind that matches, counted as used."""
        with self._lock:
            for fault in self._faults:
                if fault.kind == kind and fault.times != 0 and fault.when(request):
                    fault.times = fault.times and fault.times - 1
                    return fault
        return None
