"""What the catalogue tells the other apps. Receivers run inside the transaction of the deed."""

from django.dispatch import Signal

# Sent with `package: ServicePackage` after anything about it changed: published, updated, archived, priced. `deed`
# says what was done, in a word or two, and `actor` by whom (None: the system).
package_changed = Signal()

# Sent with `package: ServicePackage`, `price: Decimal` and `actor` when a product is published over its live
# package: the price the product asks for. The package keeps its own. A receiver may answer with a sentence for
# whoever published. With `reason: str` when somebody else asks than a product, such as a supplier's price list.
price_asked = Signal()

# Sent with `package: ServicePackage`. A receiver answers how many live subscriptions to it are known.
subscriptions_asked = Signal()
