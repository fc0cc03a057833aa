"""The subjects' secrets as re-identification reads them: an answer, or that there is none to be had now."""

from collections.abc import Iterable
from dataclasses import dataclass

from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] (it comes with the runtime, without types)
    BotoCoreError,
    ClientError,
)

from functions.reid.problems import UnavailableError
from functions.shared import subject_secrets
from functions.shared.subject_secrets import SubjectsError, SubjectTable


@dataclass(frozen=True)
class Secrets:
    """The table, whose name is empty where the lake has none."""

    client: SubjectTable
    table: str

    def known(self, subjects: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the secrets of those that have one.

        Raises
        ------
        UnavailableError
            If the table does not answer.
        """
        if not self.table:
            return {}
        try:
            return subject_secrets.Secrets(client=self.client, table=self.table).known(subjects)
        except (BotoCoreError, ClientError, SubjectsError):
            raise UnavailableError("the table of subjects") from None
