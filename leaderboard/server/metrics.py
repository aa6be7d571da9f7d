"""What `/metrics` says, in the text format of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from entitybench.leaderboard.server.tables import Event, Job, Submission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)  # s


class Metrics:
    """Counts of requests, by route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._seconds: Counter[str] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds[route] += seconds  # type: ignore[assignment]
            for bound in (*_BOUNDS, float("inf")):
                if seconds <= bound:
                    self._buckets[route, bound] += 1

    def text(self, session: Session) -> str:
        """All of it, with what the database tells."""
        with self._lock:
            lines = ["# TYPE bench_requests_total counter"]
            for (method, route, status), count in sorted(self._requests.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                lines.append(f"bench_requests_total{{{labels}}} {count}")
            lines.append("# TYPE bench_request_seconds histogram")
            for (route, bound), count in sorted(self._buckets.items()):
                least = "+Inf" if bound == float("inf") else f"{bound:g}"
                labels = f'route="{route}",le="{least}"'
                lines.append(f"bench_request_seconds_bucket{{{labels}}} {count}")
            for route, total in sorted(self._seconds.items()):
                count = self._buckets[route, float("inf")]
                lines.append(f'bench_request_seconds_sum{{route="{route}"}} {total:.6f}')
                lines.append(f'bench_request_seconds_count{{route="{route}"}} {count}')
        lines.append("# TYPE bench_submissions gauge")
        states = select(Submission.state, func.count()).group_by(Submission.state)
        lines += [f'bench_submissions{{state="{s}"}} {n}' for s, n in session.execute(states)]
        lines.append("# TYPE bench_jobs gauge")
        jobs = select(Job.state, func.count()).group_by(Job.state)
        lines += [f'bench_jobs{{state="{s}"}} {n}' for s, n in session.execute(jobs)]
        lines.append("# TYPE bench_audit_entries gauge")
        lines.append(f"bench_audit_entries {session.scalar(select(func.max(Event.seq))) or 0}")
        return "\n".join(lines) + "\n"
