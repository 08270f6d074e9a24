"""Creates Jobs by a schedule, keeps the last of them, and says which run.

Watches: CronJobs, Jobs.
Owns: the Jobs that name the CronJob as their controller; its status.
Guarantees: a moment of the schedule makes at most one Job, whose name holds it; of several missed moments only the last
    is made up for, and only within ``startingDeadlineSeconds``; ``Forbid`` skips while one runs, ``Replace`` deletes
    it; finished Jobs beyond the history limits are deleted, those that began first first.
Caveats: schedules without a time zone are in the one of the settings, UTC by default.

Source: pkg/controller/cronjob/{cronjob_controllerv2,utils}.go; concepts/workloads/controllers/cron-jobs.
"""

from pynetes.controllers.cronjob.controller import CONTROLLER

__all__ = ["CONTROLLER"]
