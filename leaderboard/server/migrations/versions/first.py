"""The first tables, and an audit log to which one can only append."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WHY = "the audit log is append-only"


def _id() -> sa.Column[int]:
    return sa.Column("id", _Big, primary_key=True, autoincrement=True)


def _of(primary: bool = False) -> sa.Column[int]:
    return sa.Column(
        "submission_id",
        _Big,
        sa.ForeignKey("submissions.id"),
        primary_key=primary,
        autoincrement=False,
        nullable=False,
        index=not primary,
    )


def _text(name: str, *, null: bool = False, **more: bool) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null, **more)  # type: ignore[arg-type]


def _real(name: str, *, null: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=null)


def _whole(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, _Big, nullable=null)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "submissions",
        _id(),
        _text("sha256", unique=True),
        _whole("size"),
        _real("received", null=False),
        _text("address"),
        _text("signed_by", null=True),
        _text("state", index=True),
        _whole("level", null=True),
        *(_text(name) for name in ("reason", "task")),
        _whole("version", null=True),
        *(_text(name) for name in ("kind", "agent", "label")),
        _text("record_sha256", null=True, index=True),
        _text("actions_sha256", null=True, index=True),
        *(_text(n, null=True) for n in ("identity_sha256", "corrects", "corrected_by")),
        _text("scored_by", null=True),
    )
    op.create_index("submissions_by_task", "submissions", ["task", "state"])
    op.create_table(
        "evidence",
        _of(primary=True),
        _text("report"),
        *(_text(name, null=True) for name in ("record", "entry")),
        sa.Column("suited", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "jobs",
        _id(),
        _of(),
        _text("kind"),
        _text("state", index=True),
        _text("owner", null=True),
        _real("lease_until"),
        _whole("crashes"),
        _text("phase"),
        _whole("done"),
        _whole("total"),
        _real("created", null=False),
        _real("started"),
        _real("ended"),
    )
    op.create_table("lines", _id(), _of(), _real("at", null=False), _text("text"))
    op.create_table(
        "results",
        _of(primary=True),
        sa.Column("metric", sa.Text(), primary_key=True),
        _whole("place"),
        *(_real(name) for name in ("mean", "low", "high")),
    )
    op.create_table(
        "episodes",
        _of(primary=True),
        *(
            sa.Column(name, _Big, primary_key=True, autoincrement=False)
            for name in ("training_seed", "item")
        ),
        _text("numbers"),
        _text("error", null=True),
    )
    op.create_table("facts", sa.Column("name", sa.Text(), primary_key=True), _text("value"))
    _log()


def _log() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _Big, primary_key=True, autoincrement=False),
        _real("at", null=False),
        _text("kind"),
        _text("submission", index=True),
        *(_text(name) for name in ("detail", "previous", "hash")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
                f"BEGIN SELECT RAISE(ABORT, '{_WHY}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION events_stay() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_WHY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION events_stay()"
    )
