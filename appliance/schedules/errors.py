"""What the schedules room refuses. One class for each permanent code."""

from __future__ import annotations

from typing import ClassVar

from ground.refusals import Kind, Refusal


class ScheduleRefusal(Refusal):
    """Root of everything a schedule can refuse."""

    code = "schedules.refused"
    kind: ClassVar[Kind] = "invalid"
    title = "The schedule was refused."


class BadRule(ScheduleRefusal):
    """`field` and `why` in facts say what cannot be right."""

    code = "schedules.bad-rule"
    title = "The rule does not say when."
    next_step = "Correct the part named; the preview shows the next runs of a rule before it is saved."


class NeverFires(ScheduleRefusal):
    code = "schedules.never-fires"
    title = "This schedule would never run: there is no such day."
    next_step = "Choose a day that at least one of the chosen months has (or the last day of the month)."


class UnknownZone(ScheduleRefusal):
    code = "schedules.unknown-zone"
    title = "There is no such time zone."
    next_step = "Choose a zone by its place, such as Europe/Vienna, or UTC."


class BadSchedule(ScheduleRefusal):
    """`field` and `why` in facts."""

    code = "schedules.bad-schedule"
    title = "The schedule's settings cannot be right."
    next_step = "Correct the setting named and save again."


class NameTaken(ScheduleRefusal):
    code = "schedules.name-taken"
    kind: ClassVar[Kind] = "conflict"
    title = "A schedule of this name exists."
    next_step = "Choose another name."


# ---- what stands in an occurrence, as the reason why nothing ran ------------------------------------


class NoTarget(ScheduleRefusal):
    code = "schedules.no-target"
    kind: ClassVar[Kind] = "conflict"
    title = "The schedule has no target any more: it was removed, or was not connected to this unit yet."
    next_step = "Choose a target for the schedule, or connect the one it names."


class NotACopy(ScheduleRefusal):
    code = "schedules.not-a-copy"
    kind: ClassVar[Kind] = "conflict"
    title = "The target is no copy of another, so nothing can be copied to it."
    next_step = "Add a target as a copy of another one, and choose it for this schedule."


class NothingToVerify(ScheduleRefusal):
    code = "schedules.nothing-to-verify"
    kind: ClassVar[Kind] = "conflict"
    title = "There is no backup image on the target that could be verified."
    next_step = "Make a backup to this target first."


class Missed(ScheduleRefusal):
    """The run's time came and nobody was there to begin it."""

    code = "schedules.missed"
    kind: ClassVar[Kind] = "unavailable"
    title = "The run did not happen: the unit was off, or its outbound work was paused."
    next_step = "Start one by hand, or wait for the next; look at why the unit was not at work."


class Superseded(ScheduleRefusal):
    """It waited for its predecessor until the next run was due."""

    code = "schedules.still-busy"
    kind: ClassVar[Kind] = "unavailable"
    title = "The run did not happen: the one before it was still at work."
    next_step = "Let it run less often, or look at why one run takes so long."


class JobGone(ScheduleRefusal):
    """The job's row is not there any more."""

    code = "schedules.job-gone"
    kind: ClassVar[Kind] = "unavailable"
    title = "The job of this run is not known any more."
    next_step = "Look at the images on the target; the next run comes by itself."
