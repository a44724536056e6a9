"""What the catalogue tells the other apps. Receivers run inside the transaction of the deed."""

from django.dispatch import Signal

# Sent with `package: ServicePackage` after it was published, updated or archived.
package_changed = Signal()
