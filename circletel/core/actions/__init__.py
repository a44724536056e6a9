"""Actions: what can be done with a record, each declared once for the admin, REST and the audit trail.

`declaration.Action` says what an action is; the apps declare theirs in `<app>/actions.py`. `perform.perform` runs
one, `circletel.core.admin.actions` shows them, `rest.action_view` offers them over REST.
"""

from circletel.core.actions.declaration import Action, ReasonForm, reason_form
from circletel.core.actions.perform import perform, refusal_recorded

__all__ = ["Action", "ReasonForm", "perform", "reason_form", "refusal_recorded"]
