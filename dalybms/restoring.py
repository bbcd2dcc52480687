"""A reading whose wire is lost under it: once more on a new one, where that may help."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Callable

from dalybms.errors import NoReply, TransportError

if TYPE_CHECKING:
    import logging

    from dalybms.logs import Log


class Restoring:
    """What DalyBMS does when a connection that was answered is cut, or has gone deaf. Writes do without."""

    _renew: Callable[[], Any] | None = None
    """Opens the same wire once more, where one that has gone deaf may hear again."""
    _restore: Callable[[], Any] | None = None
    """Opens the same wire once more, where the far side may cut it without being gone."""
    _log: logging.Logger | Log

    if TYPE_CHECKING:

        @property
        def spoken(self) -> str | None: ...

        def disconnect(self) -> None: ...

        def _use(self, transport: Any) -> None: ...

        def _read(self, sections: Sequence[str], info_keys: Collection[str]) -> dict[str, Any]: ...

    def _read_lastingly(self, sections: Sequence[str], info_keys: Collection[str]) -> dict[str, Any]:
        try:
            outcomes = self._read(sections, info_keys)
        except TransportError as error:
            open_ = self._restored_by(error)
            if not open_:
                raise
            self._log.info("%s: connecting once more", error)
            self.disconnect()
            self._use(open_())
            outcomes = self._read(sections, info_keys)
        silent = all(isinstance(each, NoReply) and each.seen == "silence" for each in outcomes.values())
        return self._read_anew(sections, info_keys) if silent and self._renew else outcomes

    def _restored_by(self, error: TransportError) -> Callable[[], Any] | None:
        """What opens a wire once more that the far side has cut after answers; None where nothing may."""
        if not self.spoken:
            return None
        return self._renew if error.stage == "open" else self._restore if error.cause == "cut" else None

    def _read_anew(self, sections: Sequence[str], info_keys: Collection[str]) -> dict[str, Any]:
        """On a link that was answered before and has gone deaf: once more on a new one, or let go of it."""
        assert self._renew is not None
        self._log.info("no answer any more: connecting once more")
        self.disconnect()
        self._use(self._renew())
        try:
            return self._read(sections, info_keys)
        except NoReply:
            self.disconnect()
            raise
