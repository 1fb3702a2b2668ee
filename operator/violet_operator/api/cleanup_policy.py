"""CleanupPolicy: when, where and how cautiously to delete what nothing uses any more; makes CleanupRuns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from violet_operator.api.cleanup import Cleanup
from violet_operator.api.model import ApiModel, Conditions, CronExpression, TimeZone, rule, rules


class CleanupPolicySpec(Cleanup):
    """The desired state."""

    schedule: CronExpression | None = Field(
        None, description="When, in cron's five fields, such as 0 3 * * 6, or @daily. Absent: only on request."
    )
    time_zone: TimeZone | None = Field(
        None, description="Time zone of the schedule, such as Asia/Shanghai. Default: UTC."
    )
    starting_deadline_seconds: Annotated[int, Field(ge=0, le=31_622_400)] | None = Field(
        None, description="Seconds that a run may start late; a run missed by more is left out. Default: no limit."
    )
    suspend: bool = Field(False, description="Start no more runs; one that has started goes on.")
    successful_runs_history_limit: Annotated[int, Field(ge=0, le=1000)] = Field(
        3, description="Completed runs that are kept."
    )
    failed_runs_history_limit: Annotated[int, Field(ge=0, le=1000)] = Field(1, description="Failed runs that are kept.")


class CleanupPolicyStatus(ApiModel):
    """The observed state."""

    observed_generation: int | None = Field(None, ge=0, description="The generation judged last.")
    last_handled_reconcile_at: str | None = Field(
        None, description="Value of the reconcile-requested-at annotation that was handled last."
    )
    conditions: Conditions = Field(default_factory=list, description="Ready; Reconciling and Stalled while true.")
    observed_schedule: str | None = Field(None, description="The schedule and the time zone that were seen last.")
    scheduled_since: str | None = Field(
        None,
        description="When this schedule was first seen: runs are due from then on.",
        json_schema_extra={"format": "date-time"},
    )
    last_schedule_time: str | None = Field(
        None, description="The time that the last scheduled run was due.", json_schema_extra={"format": "date-time"}
    )
    last_missed_time: str | None = Field(
        None,
        description="The last time for which no run was started, as it was too late or another was under way.",
        json_schema_extra={"format": "date-time"},
    )
    next_schedule_time: str | None = Field(
        None, description="When the next run is due.", json_schema_extra={"format": "date-time"}
    )
    last_successful_time: str | None = Field(
        None, description="When a run was last completed.", json_schema_extra={"format": "date-time"}
    )
    active: str | None = Field(None, description="Name of the run that is under way.")
    last_run: str | None = Field(None, description="Name of the run that was started last.")
    last_result: str | None = Field(None, description="How the run that ended last has ended, in its own words.")


SPEC_RULES = rules(
    rule("has(self.schedule) || !has(self.timeZone)", "timeZone goes with schedule"),
    rule("has(self.schedule) || !has(self.startingDeadlineSeconds)", "startingDeadlineSeconds goes with schedule"),
    rule(
        "!has(self.retention) || self.retention.observations == 1 || "
        "(self.successfulRunsHistoryLimit > 0 && self.failedRunsHistoryLimit > 0)",
        "retention.observations needs successfulRunsHistoryLimit and failedRunsHistoryLimit to be 1 at least: earlier "
        "runs are what was observed",
    ),
)

PRINTER_COLUMNS = [
    {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
    {"name": "Schedule", "type": "string", "jsonPath": ".spec.schedule"},
    {"name": "Suspend", "type": "boolean", "jsonPath": ".spec.suspend"},
    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "Active", "type": "string", "jsonPath": ".status.active"},
    {"name": "Last", "type": "date", "jsonPath": ".status.lastScheduleTime"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Zone", "type": "string", "jsonPath": ".spec.timeZone", "priority": 1},
    {"name": "Result", "type": "string", "jsonPath": ".status.lastResult", "priority": 1},
    {"name": "Next", "type": "string", "jsonPath": ".status.nextScheduleTime", "priority": 1},
    {
        "name": "Message",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='Ready')].message",
        "priority": 1,
    },
]
