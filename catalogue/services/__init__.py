"""The deeds of the catalogue: submit, approve, reject, publish. One transaction each, its audit entry inside it.

Admin, REST, tasks and commands are doors to these functions. The actor comes as a keyword; each function
checks the right of that person, does the deed or raises a `Refused` whose text is fit for them.
"""

from catalogue.services.edits import record_edit, record_edits
from catalogue.services.life_cycle import (
    approve,
    approve_pricing,
    archive,
    objections,
    reject,
    submit,
)
from catalogue.services.publishing import (
    Published,
    live_package_of,
    package_as_of,
    publish,
    rehearsed_publish,
)
